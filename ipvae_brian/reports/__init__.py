"""Reports: pages to read, print and pass on, of what physiology has measured and plotting draws."""

from ipvae_brian.reports.comparison import report_page, write_report

__all__ = ["report_page", "write_report"]

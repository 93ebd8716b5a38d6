"""scikit-learn's dictionary learning, at any sparsity."""

from helpers import assert_solves_lasso

from benchmarks.baselines.dictionary_learning import DictionaryLearning


def test_scikit_learn_solves_the_same_problem(stimuli, unit_dictionary):
    baseline = DictionaryLearning(24, batch_size=5)
    baseline.learn(stimuli)
    baseline.estimator.components_ = unit_dictionary.T.copy()
    code = baseline.infer(stimuli, 0.4)
    assert_solves_lasso(stimuli, code, unit_dictionary, 0.4, False, 2e-3)

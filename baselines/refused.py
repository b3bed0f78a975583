"""Methods of Avalanche 0.6 that cannot be compared under one protocol, each with the reason.

Each was tried (torch 2.14) on streams with one head a task and with one head for all, as
tests/baselines/test_refused.py does again for those that fail outright: where Avalanche
mends one, that test says so and the method can be registered.
"""

from __future__ import annotations

_OWN_LOOP = (
    "in Avalanche it is a strategy with a training loop of its own, not a plugin: it cannot be "
    "trained under the protocol of the others"
)

REFUSED: dict[str, str] = {
    "mir": "Avalanche's plugin decides what to replay when a task ends and leaves out the classes "
    "of its last batch: a stream of whole tasks never replays the latest task, and one whose "
    "tasks share their labels replays nothing (weights equal to naive's, bit for bit); use replay",
    "rar": "Avalanche's plugin calls the model without task labels (TypeError with one head a "
    "task) and cuts replayed inputs to [0, 1], which normalised images exceed; use replay",
    "gss_greedy": "Avalanche's plugin calls the model without task labels (TypeError with one "
    "head a task), has to be told the input's size, and leaves the gradient of its last score in "
    "p.grad, where the step adds it to the batch's; use replay",
    "bic": "Avalanche's plugin passes verbose= to MultiStepLR, which torch no longer takes "
    "(TypeError after task 2), and asserts that the model has one head; use replay",
    "cope": "Avalanche's plugin replaces the loss and the model's last layer, and ends each task "
    "after one batch: it is made for streams of single batches; use replay",
    "cwr_star": "Avalanche's plugin takes the last Linear for the classifier (with one head a "
    "task always the last task's), writes its state on the model, whose trunk it freezes for "
    "good; use frozen",
    "lfl": "Avalanche's plugin needs a model with get_features (NotImplementedError otherwise) and "
    "freezes the last Linear after task 1: new classes are never learnt (10 % on a toy stream "
    "that naive learns to 100 %); use lwf",
    "feature_distillation": "Avalanche's plugin reads the features of the latest batch from "
    "model.features, which it sets to None itself and no net here fills (TypeError in task 2); "
    "use lwf",
    "generative_replay": "Avalanche's plugin needs a generator with a strategy of its own "
    "(AttributeError: no 'generate'), which no net here is; use replay",
    "ncm": "Avalanche's plugins need a model with an NCMClassifier for evaluation "
    "(AssertionError otherwise), which is another net than the others are given; use naive",
    "fecam": "Avalanche's plugins need a model with a FeCAMClassifier for evaluation "
    "(AssertionError otherwise), which is another net than the others are given; use naive",
    "icarl": "in Avalanche it is a strategy that builds its model from a feature extractor and a "
    "classifier and brings its own loss: it cannot take the net of the others; use replay",
    "er_ace": f"{_OWN_LOOP}; use replay",
    "er_aml": f"{_OWN_LOOP}; use replay",
    "der": f"{_OWN_LOOP}; use replay",
    "scr": "in Avalanche it is a strategy that needs a SCRModel, augmentations and its own loss: "
    "it cannot take the net of the others; use replay",
    "l2p": "in Avalanche it is a strategy that makes its own pretrained transformer with timm: it "
    "cannot take the net of the others; use frozen",
    "slda": "in Avalanche it is a strategy that fits no weights by gradient (StreamingLDA on a "
    "pretrained extractor): the protocol of the others has no meaning for it; use frozen",
    "ar1": "in Avalanche it is a strategy that makes its own MobileNet, optimiser and training "
    "loop: it cannot take the net of the others; use si",
    "lamaml": "in Avalanche it is a meta-learning strategy with inner and outer updates: it "
    "cannot be trained under the protocol of the others; use agem",
    "mer": "in Avalanche it is a meta-learning strategy with inner and outer updates: it "
    "cannot be trained under the protocol of the others; use replay",
    "feature_replay": "in Avalanche it is a strategy that takes the classifier off the model and "
    "trains it on its own loss, old features among the new: it cannot take the net of the others; "
    "use replay",
    "expert_gate": "in Avalanche it is a strategy that needs its own ExpertGate model, with a net "
    "a task: it cannot take the net of the others; use from_scratch",
    "pnn": "in Avalanche it is a strategy that needs a PNN, a net with a column a task "
    "(AssertionError otherwise): it cannot take the net of the others; use from_scratch",
    "packnet": "in Avalanche it is a strategy that needs a PackNetModel (ValueError otherwise) and "
    "epochs of its own after pruning: it cannot be trained under the protocol of the others; "
    "use gpm",
}

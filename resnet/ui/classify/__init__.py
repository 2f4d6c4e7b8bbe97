"""The Classify tab, part by part; resnet.ui.classify.tab puts them together."""

"""The Classify tab, part by part; resnet.ui.classify_tab puts them together."""

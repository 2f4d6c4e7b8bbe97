"""Live experiments on small nets, one a file: settings in, frozen records out, no drawing."""

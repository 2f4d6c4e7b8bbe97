"""What others published: tables, released accuracies, curated models; data with citations, nothing else."""

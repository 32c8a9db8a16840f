"""What is measured: one module a scenario, each fills a `Result`."""

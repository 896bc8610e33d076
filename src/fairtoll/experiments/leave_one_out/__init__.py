"""Leave-one-out: what is requested, the stages that train members, their files, and the numbers of the report."""

"""Leave-one-out: what is asked, the stages that train members, their files, and the numbers of the report."""

# What no test is about, but Terraform has to be told.
cluster_admin_arns = ["arn:aws:iam::123456789012:role/administrator"]
monthly_budget_usd = 1000

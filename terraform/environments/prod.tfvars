# Nothing that a request or a run passes through is there once only, and nothing is deleted by mistake.
environment = "prod"

zone_count         = 3
nat_per_zone       = true
endpoints_per_zone = true

system_nodes = {
  instance_types = ["m7i.xlarge", "m6i.xlarge"]
  min            = 1
  max            = 3
}

worker_nodes = {
  instance_types = ["m7i.xlarge", "m7a.xlarge", "m6i.xlarge", "m6a.xlarge", "m5.xlarge", "m5a.xlarge"]
  min            = 2
  max            = 12
}

database = {
  instance_class = "db.m7g.large"
  storage_gb     = 50
  max_storage_gb = 500
  backup_days    = 35
  multi_az       = true
}

log_retention_days = 365

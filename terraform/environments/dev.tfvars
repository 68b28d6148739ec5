# Cheap: two zones, one way out, small nodes, a database without standby. Everything may be deleted again.
environment = "dev"

zone_count         = 2
nat_per_zone       = false
endpoints_per_zone = false

system_nodes = {
  instance_types = ["t3a.xlarge", "t3.xlarge"]
  min            = 1
  max            = 2
}

worker_nodes = {
  instance_types = ["m7i.large", "m7a.large", "m6i.large", "m6a.large", "m5.large", "m5a.large"]
  min            = 0
  max            = 4
}

database = {
  instance_class = "db.t4g.micro"
  backup_days    = 3
  multi_az       = false
}

log_retention_days = 30

allow_destroy_data = true
trail_reads        = false

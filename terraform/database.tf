variable "database" {
  description = "Dagster's PostgreSQL: instance class, disk at first and at most, days of backups, a standby in another zone."
  type = object({
    instance_class        = string
    storage_gb            = optional(number, 20)
    max_storage_gb        = optional(number, 100)
    backup_days           = optional(number, 14)
    multi_az              = optional(bool, true)
    engine_version        = optional(string, "17")
    rotation_days         = optional(number, 365)
    performance_kept_days = optional(number, 7)
  })
  default = { instance_class = "db.t4g.medium" }

  validation {
    condition     = var.database.backup_days >= 1 && var.database.backup_days <= 35
    error_message = "database.backup_days: RDS keeps backups for 1 to 35 days, and none is not offered here."
  }

  validation {
    condition     = var.database.max_storage_gb > var.database.storage_gb && var.database.storage_gb >= 20
    error_message = "database.storage_gb is at least 20 and below max_storage_gb."
  }

  validation {
    condition     = var.environment != "prod" || var.database.multi_az && var.database.backup_days >= 14
    error_message = "database in prod has multi_az = true and backup_days of 14 or more."
  }
}

resource "aws_db_instance" "dagster" {
  identifier     = "${local.name}-dagster"
  engine         = "postgres"
  engine_version = var.database.engine_version
  instance_class = var.database.instance_class
  db_name        = "dagster"
  username       = "dagster"

  # Made and kept by RDS in Secrets Manager: no password is in the state or in these files.
  manage_master_user_password   = true
  master_user_secret_kms_key_id = aws_kms_key.platform.key_id

  allocated_storage     = var.database.storage_gb
  max_allocated_storage = var.database.max_storage_gb
  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = aws_kms_key.platform.arn

  multi_az               = var.database.multi_az
  publicly_accessible    = false
  db_subnet_group_name   = aws_db_subnet_group.dagster.name
  vpc_security_group_ids = [aws_security_group.database.id]
  parameter_group_name   = aws_db_parameter_group.dagster.name
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  backup_retention_period   = var.database.backup_days
  backup_window             = "17:00-18:00" # past midnight in Singapore
  maintenance_window        = "sun:18:30-sun:19:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = !local.production
  skip_final_snapshot       = !local.production
  final_snapshot_identifier = local.production ? "${local.name}-dagster-final" : null
  deletion_protection       = local.production

  auto_minor_version_upgrade            = true
  iam_database_authentication_enabled   = true
  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.database_monitoring.arn
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = aws_kms_key.platform.arn
  performance_insights_retention_period = var.database.performance_kept_days

  depends_on = [aws_cloudwatch_log_group.database]
}

# RDS would change the password each week, and Dagster reads it when its pods start: rotation is a step of operations.
resource "aws_secretsmanager_secret_rotation" "database" {
  #checkov:skip=CKV_AWS_304: pods read the password when they start, so rotation is a planned step of operations
  secret_id          = aws_db_instance.dagster.master_user_secret[0].secret_arn
  rotate_immediately = false

  rotation_rules {
    automatically_after_days = var.database.rotation_days
  }
}

resource "aws_db_parameter_group" "dagster" {
  name_prefix = "${local.name}-dagster-"
  family      = "postgres${split(".", var.database.engine_version)[0]}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_subnet_group" "dagster" {
  name       = "${local.name}-dagster"
  subnet_ids = [for subnet in aws_subnet.database : subnet.id]
}

resource "aws_security_group" "database" {
  name_prefix = "${local.name}-database-"
  description = "PostgreSQL from the cluster; nothing out"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-database" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  description                  = "PostgreSQL from the pods of the cluster"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

resource "aws_cloudwatch_log_group" "database" {
  for_each = toset(["postgresql", "upgrade"])

  name              = "/aws/rds/instance/${local.name}-dagster/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.logs.arn
}

resource "aws_iam_role" "database_monitoring" {
  name                 = "${local.name}-database-monitoring"
  permissions_boundary = local.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "database_monitoring" {
  role       = aws_iam_role.database_monitoring.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

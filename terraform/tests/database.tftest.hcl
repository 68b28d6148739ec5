# What is promised of the database and the names: encrypted, private, over TLS, backed up, and protected in prod.

mock_provider "aws" {
  source          = "./tests/aws"
  override_during = plan
}

variables {
  environment        = "prod"
  monthly_budget_usd = 1000
}

run "the_database_is_safe" {
  command = plan

  variables {
    domain      = "forecast.example.com"
    dns_zone_id = "Z0123456789ABCDEFGHIJ"
  }

  assert {
    condition     = aws_db_instance.dagster.storage_encrypted && aws_db_instance.dagster.kms_key_id == aws_kms_key.platform.arn
    error_message = "The database is encrypted with the platform's key."
  }

  assert {
    condition     = aws_db_instance.dagster.manage_master_user_password && aws_db_instance.dagster.password == null
    error_message = "RDS keeps the password, and nothing here knows it."
  }

  assert {
    condition     = !aws_db_instance.dagster.publicly_accessible
    error_message = "The database has no public address."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.database.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.database.to_port == 5432
    error_message = "The database answers the cluster's security group alone."
  }

  assert {
    condition     = contains([for parameter in aws_db_parameter_group.dagster.parameter : "${parameter.name}=${parameter.value}"], "rds.force_ssl=1")
    error_message = "The database refuses connections without TLS."
  }

  assert {
    condition     = aws_db_instance.dagster.multi_az && aws_db_instance.dagster.backup_retention_period >= 14
    error_message = "In prod the database has a standby in another zone and two weeks of backups."
  }

  assert {
    condition     = aws_db_instance.dagster.deletion_protection && !aws_db_instance.dagster.skip_final_snapshot && !aws_db_instance.dagster.delete_automated_backups
    error_message = "In prod the database is protected against deletion, and leaves a snapshot."
  }

  assert {
    condition     = one(aws_secretsmanager_secret_rotation.database.rotation_rules).automatically_after_days >= 90
    error_message = "The password does not change under running pods each week."
  }

  assert {
    condition     = aws_acm_certificate.this[0].domain_name == "api.forecast.example.com" && length(aws_route53_record.validation) == 3
    error_message = "Each name is on the certificate and is validated by DNS."
  }

  assert {
    condition     = contains(keys(aws_eks_addon.this), "external-dns")
    error_message = "Load balancers get their names where the zone is in Route 53."
  }
}

run "a_production_database_without_a_standby_is_refused" {
  command = plan

  variables {
    database = { instance_class = "db.t4g.micro", multi_az = false }
  }

  expect_failures = [var.database]
}

run "development_can_be_thrown_away" {
  command = plan

  variables {
    environment = "dev"
    zone_count  = 2
    database    = { instance_class = "db.t4g.micro", multi_az = false, backup_days = 3 }
  }

  assert {
    condition     = !aws_db_instance.dagster.deletion_protection && aws_db_instance.dagster.skip_final_snapshot
    error_message = "The database of dev can be deleted."
  }

  assert {
    condition     = aws_db_instance.dagster.storage_encrypted && !aws_db_instance.dagster.publicly_accessible
    error_message = "The database of dev is as private as any."
  }
}

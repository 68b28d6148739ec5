# What is promised of the data: encrypted, private, over TLS, never expired, recorded, and no event lost.

mock_provider "aws" {
  source          = "./tests/aws"
  override_during = plan
}

variables {
  environment        = "prod"
  monthly_budget_usd = 1000
}

run "the_data_is_safe" {
  command = plan

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.lake.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "The lake is not encrypted with KMS."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.lake.rule).apply_server_side_encryption_by_default).kms_master_key_id == aws_kms_key.data.arn
    error_message = "The lake is not encrypted with the key of the data."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.lake.rule).bucket_key_enabled
    error_message = "Without a bucket key each object of the lake costs a call of KMS."
  }

  assert {
    condition = alltrue([
      for bucket in [aws_s3_bucket_versioning.lake, aws_s3_bucket_versioning.logs] :
      one(bucket.versioning_configuration).status == "Enabled"
    ])
    error_message = "A bucket keeps no versions."
  }

  assert {
    condition = alltrue([
      for block in [aws_s3_bucket_public_access_block.lake, aws_s3_bucket_public_access_block.logs] :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "A bucket can be made public."
  }

  assert {
    condition = alltrue([
      for bucket in [aws_s3_bucket_ownership_controls.lake, aws_s3_bucket_ownership_controls.logs] :
      one(bucket.rule).object_ownership == "BucketOwnerEnforced"
    ])
    error_message = "Objects of a bucket can belong to others."
  }

  assert {
    condition = alltrue([
      for policy in [aws_s3_bucket_policy.lake.policy, aws_s3_bucket_policy.logs.policy] : anytrue([
        for statement in jsondecode(policy).Statement :
        statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "s3:*" && length(statement.Resource) == 2
        && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
      ])
    ])
    error_message = "A bucket can be reached without TLS."
  }

  assert {
    condition = alltrue([
      for policy in [aws_s3_bucket_policy.lake.policy, aws_s3_bucket_policy.logs.policy] : alltrue([
        for statement in jsondecode(policy).Statement :
        statement.Effect == "Deny" || can(statement.Principal.Service) && can(keys(statement.Condition))
      ])
    ])
    error_message = "A bucket's policy admits more than services that act for this account."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.lake.policy).Statement :
      statement.Effect == "Deny" && statement.Action == "s3:PutObject"
      && try(statement.Condition.StringNotEquals["s3:x-amz-server-side-encryption-aws-kms-key-id"], "") == aws_kms_key.data.arn
    ])
    error_message = "The lake takes objects under another key."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.lake.policy).Statement :
      statement.Effect == "Deny" && statement.Action == "s3:PutObject"
      && try(statement.Condition.StringNotEquals["s3:x-amz-server-side-encryption"], "") == "aws:kms"
    ])
    error_message = "The lake takes objects that KMS does not encrypt."
  }

  assert {
    condition     = length(flatten([for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : rule.expiration])) == 0
    error_message = "A rule of the lake deletes data that is in force."
  }

  assert {
    condition = toset([for class in flatten([
      for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : [for transition in rule.transition : transition.storage_class]
    ]) : class]) == toset(["INTELLIGENT_TIERING"])
    error_message = "Data of the lake does not go to Intelligent-Tiering, or goes to where it cannot be read at once."
  }

  assert {
    condition = alltrue([
      for prefix in ["landing/", "lake/", "training/", "compute-logs/"] : anytrue([
        for rule in aws_s3_bucket_lifecycle_configuration.lake.rule :
        rule.status == "Enabled" && length(rule.noncurrent_version_expiration) == 1 && try(one(rule.filter).prefix, "") == prefix
      ])
    ])
    error_message = "Old versions below a prefix of the lake are kept for ever."
  }

  assert {
    condition = alltrue([
      for bucket in [aws_s3_bucket_lifecycle_configuration.lake, aws_s3_bucket_lifecycle_configuration.logs] :
      length(flatten([for rule in bucket.rule : rule.abort_incomplete_multipart_upload])) == 1
    ])
    error_message = "Unfinished uploads are kept for ever."
  }

  assert {
    condition     = aws_s3_bucket_logging.lake.target_bucket == aws_s3_bucket.logs.id
    error_message = "Access to the lake is not logged."
  }

  assert {
    condition     = !aws_s3_bucket.lake.force_destroy && !aws_s3_bucket.logs.force_destroy
    error_message = "terraform destroy would take the data along."
  }

  assert {
    condition     = aws_s3_bucket_notification.lake.eventbridge
    error_message = "The lake does not say what happens in it."
  }

  assert {
    condition = (
      toset(jsondecode(aws_cloudwatch_event_rule.landing.event_pattern)["detail-type"]) == toset(["Object Created", "Object Deleted"])
      && jsondecode(aws_cloudwatch_event_rule.landing.event_pattern).detail.bucket.name == [aws_s3_bucket.lake.id]
      && jsondecode(aws_cloudwatch_event_rule.landing.event_pattern).detail.object.key == [{ prefix = "landing/" }]
    )
    error_message = "The rule does not take what happens in the landing, and that alone."
  }

  assert {
    condition = (
      aws_cloudwatch_event_target.arrivals.arn == aws_sqs_queue.arrivals.arn
      && one(aws_cloudwatch_event_target.arrivals.dead_letter_config).arn == aws_sqs_queue.arrivals_dead_letter.arn
    )
    error_message = "Events do not reach the arrivals, or are lost when they cannot."
  }

  assert {
    condition = (
      try(jsondecode(aws_sqs_queue.arrivals.redrive_policy), {}) == {
        deadLetterTargetArn = aws_sqs_queue.arrivals_dead_letter.arn
        maxReceiveCount     = 10
      }
    )
    error_message = "What makes whole ticks fail does not end in the dead-letter queue (docs/arrivals.md: 10 receipts or more)."
  }

  assert {
    condition = jsondecode(aws_sqs_queue_redrive_allow_policy.arrivals_dead_letter.redrive_allow_policy) == {
      redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.arrivals.arn]
    }
    error_message = "Other queues may use the dead-letter queue."
  }

  assert {
    condition     = aws_sqs_queue.arrivals_dead_letter.message_retention_seconds > aws_sqs_queue.arrivals.message_retention_seconds
    error_message = "Dead letters keep the age of the message and would be gone at once."
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.arrivals, aws_sqs_queue.arrivals_dead_letter] : queue.kms_master_key_id == aws_kms_key.data.arn
    ])
    error_message = "A queue is not encrypted with the key of the data."
  }

  assert {
    condition = alltrue([
      for policy in [aws_sqs_queue_policy.arrivals.policy, aws_sqs_queue_policy.arrivals_dead_letter.policy] : alltrue([
        for statement in jsondecode(policy).Statement : statement.Effect == "Deny"
        || statement.Action == "sqs:SendMessage" && statement.Principal == { Service = "events.amazonaws.com" }
        && try(statement.Condition.ArnEquals["aws:SourceArn"], "") == aws_cloudwatch_event_rule.landing.arn
      ])
    ])
    error_message = "Others than the rule of the landing may send to a queue."
  }

  assert {
    condition = (
      aws_cloudtrail.this.is_multi_region_trail && aws_cloudtrail.this.include_global_service_events
      && aws_cloudtrail.this.enable_log_file_validation && aws_cloudtrail.this.kms_key_id == aws_kms_key.logs.arn
    )
    error_message = "The trail leaves regions out, cannot be proved, or is not encrypted."
  }

  assert {
    condition = anytrue([
      for selector in aws_cloudtrail.this.advanced_event_selector : anytrue([
        for field in selector.field_selector :
        field.field == "resources.ARN" && field.starts_with == tolist(["${aws_s3_bucket.lake.arn}/"])
        ]) && alltrue([
        for field in selector.field_selector : field.field != "readOnly"
      ])
    ])
    error_message = "The trail does not see every reading and writing in the lake."
  }

  assert {
    condition = alltrue([
      for name, table in aws_glue_catalog_table.lake : [
        for column in one(table.storage_descriptor).columns : { name = column.name, type = column.type }
      ] == [for one in local.dataset.tables : one.columns if one.name == name][0]
    ])
    error_message = "A table of the catalogue has other columns than the files, or another order."
  }

  assert {
    condition = (
      aws_glue_catalog_table.lake["sales"].parameters["storage.location.template"]
      == "s3://retail-forecast-prod-lake-123456789012/lake/athena/sales/period=$${period}/"
    )
    error_message = "Athena would not find the periods of the sales."
  }

  assert {
    condition = (
      one(aws_athena_workgroup.this.configuration).enforce_workgroup_configuration
      && one(aws_athena_workgroup.this.configuration).bytes_scanned_cutoff_per_query == 107374182400
      && one(one(one(aws_athena_workgroup.this.configuration).result_configuration).encryption_configuration).kms_key_arn == aws_kms_key.data.arn
    )
    error_message = "Questions of Athena are not limited, or their answers not encrypted."
  }
}

run "a_prefix_needs_its_slash" {
  command = plan

  variables {
    noncurrent_days = { landing = 30 }
  }

  expect_failures = [var.noncurrent_days]
}

# The lake in SQL, as docs/athena.md tells: one table of Glue's catalogue for each table of the dataset.

variable "athena_scan_limit_gb" {
  description = "A query that would read more than so many gigabytes is cancelled."
  type        = number
  default     = 100

  validation {
    condition     = var.athena_scan_limit_gb >= 1
    error_message = "athena_scan_limit_gb: expected at least 1."
  }
}

locals {
  lake_url = "s3://${local.lake_bucket}/lake"
}

resource "aws_glue_catalog_database" "lake" {
  name         = replace(local.name, "-", "_")
  description  = "Published tables of ${local.dataset.dataset}"
  location_uri = "${local.lake_url}/"
}

resource "aws_glue_catalog_table" "lake" {
  for_each = { for table in local.dataset.tables : table.name => table }

  database_name = aws_glue_catalog_database.lake.name
  name          = each.key
  table_type    = "EXTERNAL_TABLE"

  parameters = merge({ EXTERNAL = "TRUE" }, each.value.projection, each.value.partition == null ? {} : {
    "storage.location.template" = "${local.lake_url}/${each.value.folder}/${each.value.partition}=$${${each.value.partition}}/"
  })

  dynamic "partition_keys" {
    for_each = each.value.partition == null ? [] : [each.value.partition]

    content {
      name = partition_keys.value
      type = "string"
    }
  }

  storage_descriptor {
    location      = "${local.lake_url}/${each.value.folder}/"
    input_format  = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      parameters            = { "parquet.column.index.access" = "true" }
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }
}

resource "aws_athena_workgroup" "this" {
  name        = local.name
  description = "Questions to the lake of ${local.dataset.dataset}"

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.athena_scan_limit_gb * 1024 * 1024 * 1024

    result_configuration {
      output_location       = "s3://${aws_s3_bucket.logs.id}/athena-results/"
      expected_bucket_owner = local.account_id

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = aws_kms_key.data.arn
      }
    }
  }
}

# One made-up account. Identifiers have the form of real ones, because the real provider checks them.
mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012", arn = "arn:aws:iam::123456789012:role/administrator", user_id = "AROAEXAMPLE" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
}

mock_data "aws_availability_zones" {
  defaults = { names = ["ap-southeast-1a", "ap-southeast-1b", "ap-southeast-1c"] }
}

mock_resource "aws_vpc" {
  defaults = { id = "vpc-0123456789abcdef0", arn = "arn:aws:ec2:ap-southeast-1:123456789012:vpc/vpc-0123456789abcdef0" }
}

mock_resource "aws_subnet" {
  defaults = { id = "subnet-0123456789abcdef0", arn = "arn:aws:ec2:ap-southeast-1:123456789012:subnet/subnet-0123456789abcdef0" }
}

mock_resource "aws_security_group" {
  defaults = { id = "sg-0123456789abcdef0", arn = "arn:aws:ec2:ap-southeast-1:123456789012:security-group/sg-0123456789abcdef0" }
}

mock_resource "aws_launch_template" {
  defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/some-role" }
}

mock_resource "aws_iam_policy" {
  defaults = { arn = "arn:aws:iam::123456789012:policy/some-policy" }
}

mock_resource "aws_kms_key" {
  defaults = { arn = "arn:aws:kms:ap-southeast-1:123456789012:key/some-key", key_id = "some-key" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:ap-southeast-1:123456789012:log-group:some-group" }
}

mock_resource "aws_cloudwatch_metric_alarm" {
  defaults = { arn = "arn:aws:cloudwatch:ap-southeast-1:123456789012:alarm:some-alarm" }
}

mock_resource "aws_cloudwatch_event_rule" {
  defaults = { arn = "arn:aws:events:ap-southeast-1:123456789012:rule/some-rule" }
}

mock_resource "aws_cloudtrail" {
  defaults = { arn = "arn:aws:cloudtrail:ap-southeast-1:123456789012:trail/some-trail" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:ap-southeast-1:123456789012:some-topic" }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:ap-southeast-1:123456789012:certificate/some-certificate"
    domain_validation_options = [
      for name in ["api", "dagster", "dagster-view"] : {
        domain_name           = "${name}.forecast.example.com"
        resource_record_name  = "_${name}.forecast.example.com."
        resource_record_type  = "CNAME"
        resource_record_value = "_${name}.acm-validations.aws."
      }
    ]
  }
}

mock_resource "aws_acm_certificate_validation" {
  defaults = { certificate_arn = "arn:aws:acm:ap-southeast-1:123456789012:certificate/some-certificate" }
}

mock_resource "aws_ecr_repository" {
  defaults = { arn = "arn:aws:ecr:ap-southeast-1:123456789012:repository/retail-forecast/some-image" }
}

mock_resource "aws_sagemaker_model_package_group" {
  defaults = { arn = "arn:aws:sagemaker:ap-southeast-1:123456789012:model-package-group/some-group" }
}

mock_resource "aws_sagemaker_mlflow_tracking_server" {
  defaults = { arn = "arn:aws:sagemaker:ap-southeast-1:123456789012:mlflow-tracking-server/some-server" }
}

mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::some-bucket" }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:ap-southeast-1:123456789012:some-queue"
    url = "https://sqs.ap-southeast-1.amazonaws.com/123456789012/some-queue"
  }
}

mock_resource "aws_eks_cluster" {
  defaults = { arn = "arn:aws:eks:ap-southeast-1:123456789012:cluster/some-cluster" }
}

mock_resource "aws_db_instance" {
  defaults = {
    address = "some-database.example.ap-southeast-1.rds.amazonaws.com"
    master_user_secret = [{
      secret_arn    = "arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:some-secret"
      secret_status = "active"
      kms_key_id    = "some-key"
    }]
  }
}

mock_resource "aws_iam_openid_connect_provider" {
  defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
}

# What the chart is told of an environment that is served under names of its own.

mock_provider "aws" {
  source          = "./tests/aws"
  override_during = plan
}

variables {
  environment        = "prod"
  monthly_budget_usd = 1000
}

run "the_chart_is_told_what_only_the_account_knows" {
  command = plan

  variables {
    domain = "forecast.example.com"
    oidc = {
      issuer                 = "https://login.example.com"
      authorization_endpoint = "https://login.example.com/authorize"
      token_endpoint         = "https://login.example.com/token"
      user_info_endpoint     = "https://login.example.com/userinfo"
    }
  }

  assert {
    condition     = yamldecode(output.helm_values).ingress.ui.host == "dagster.forecast.example.com" && yamldecode(output.helm_values).ingress.oidc.issuer == "https://login.example.com"
    error_message = "The UI is served behind the identity provider."
  }

  assert {
    condition     = yamldecode(output.helm_values).ingress.certificateArn == aws_acm_certificate.this[0].arn
    error_message = "Load balancers get the certificate."
  }

  assert {
    condition     = yamldecode(output.helm_values).ingress.accessLogsBucket == aws_s3_bucket.logs.bucket && strcontains(jsonencode([for one in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : one.Resource if one.Sid == "LoadBalancersLog"]), "/alb/AWSLogs/")
    error_message = "Load balancers log to the bucket that admits them, below the folder that it admits them to."
  }

  assert {
    condition     = length(output.certificate_validation_records) == 3
    error_message = "Whoever keeps the zone elsewhere is told the records to enter."
  }

  assert {
    condition     = yamldecode(output.cluster_autoscaler_values).autoDiscovery.clusterName == "retail-forecast-prod" && yamldecode(output.load_balancer_controller_values).clusterName == "retail-forecast-prod"
    error_message = "The controllers know their cluster."
  }
}

run "without_a_login_the_ui_has_no_name" {
  command = plan

  variables {
    domain = "forecast.example.com"
  }

  assert {
    condition     = !can(yamldecode(output.helm_values).ingress.ui) && yamldecode(output.helm_values).ingress.api.host == "api.forecast.example.com"
    error_message = "Dagster has no login of its own: without an identity provider its UI is not served."
  }
}

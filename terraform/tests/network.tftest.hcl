# What is promised of the network: two zones or more, nothing public but load balancers and NAT, AWS reached inside.

mock_provider "aws" {
  source          = "./tests/aws"
  override_during = plan
}

variables {
  environment        = "prod"
  monthly_budget_usd = 1000
}

run "the_network_is_private_and_in_three_zones" {
  command = plan

  override_resource {
    target          = aws_nat_gateway.this["ap-southeast-1a"]
    override_during = plan
    values          = { id = "nat-a" }
  }

  override_resource {
    target          = aws_nat_gateway.this["ap-southeast-1b"]
    override_during = plan
    values          = { id = "nat-b" }
  }

  override_resource {
    target          = aws_nat_gateway.this["ap-southeast-1c"]
    override_during = plan
    values          = { id = "nat-c" }
  }

  assert {
    condition = alltrue([
      for subnets in [aws_subnet.public, aws_subnet.private, aws_subnet.database] :
      length(distinct([for subnet in subnets : subnet.availability_zone])) == 3
    ])
    error_message = "Public, private and database subnets lie in three zones."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(distinct([for route in aws_route.nat : route.nat_gateway_id])) == 3
    error_message = "Each zone has a way out of its own."
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : length(local.endpoint_zones) == 3])
    error_message = "Each zone has interface endpoints of its own."
  }

  assert {
    condition = alltrue([
      for subnet in concat(values(aws_subnet.public), values(aws_subnet.private), values(aws_subnet.database)) :
      !subnet.map_public_ip_on_launch
    ])
    error_message = "No subnet hands out public addresses."
  }

  assert {
    condition     = alltrue([for route in aws_route.nat : route.gateway_id == null])
    error_message = "Private subnets reach the internet through NAT, never by the internet gateway."
  }

  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "The VPC's own security group lets nothing pass."
  }

  assert {
    condition = alltrue([
      for service in ["ecr.api", "ecr.dkr", "logs", "sagemaker.api", "sagemaker.runtime", "sqs", "sts"] :
      aws_vpc_endpoint.interface[service].service_name == "com.amazonaws.ap-southeast-1.${service}"
      && aws_vpc_endpoint.interface[service].private_dns_enabled
    ])
    error_message = "There is an interface endpoint, under the service's own name, for each service that jobs and pods call."
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.ap-southeast-1.s3"
    error_message = "S3 has a gateway endpoint."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints.cidr_ipv4 == var.vpc_cidr && aws_vpc_security_group_ingress_rule.endpoints.to_port == 443
    error_message = "The endpoints answer the VPC alone, over HTTPS."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.tags["kubernetes.io/role/elb"] == "1"])
    error_message = "Public subnets bear the tag that public load balancers are placed by."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.tags["kubernetes.io/role/internal-elb"] == "1"])
    error_message = "Private subnets bear the tag that internal load balancers are placed by."
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL"
    error_message = "Flow logs tell accepted and refused traffic."
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow_logs.kms_key_id == aws_kms_key.logs.arn && aws_cloudwatch_log_group.flow_logs.retention_in_days > 0
    error_message = "Flow logs are encrypted, and end."
  }
}

run "development_has_two_zones_and_one_way_out" {
  command = plan

  variables {
    environment        = "dev"
    zone_count         = 2
    nat_per_zone       = false
    endpoints_per_zone = false
  }

  assert {
    condition     = length(distinct([for subnet in aws_subnet.private : subnet.availability_zone])) == 2
    error_message = "Two zones, even in dev: one that fails is not all there is."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1
    error_message = "One NAT gateway is what dev pays for."
  }
}

run "one_zone_is_refused" {
  command = plan

  variables {
    zone_count = 1
  }

  expect_failures = [var.zone_count]
}

variable "domain" {
  description = "Domain below which api., dagster. and dagster-view. are served over HTTPS; none: nothing is reachable from outside the cluster."
  type        = string
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is a name such as forecast.example.com."
  }
}

variable "dns_zone_id" {
  description = "Route 53 hosted zone of the domain; none: the validation records of the certificate are an output, to be entered elsewhere."
  type        = string
  default     = null

  validation {
    condition     = var.dns_zone_id == null || var.domain != null && can(regex("^Z[A-Z0-9]+$", var.dns_zone_id))
    error_message = "dns_zone_id is the id of a hosted zone, such as Z0123456789ABCDEFGHIJ, and goes with domain."
  }
}

variable "oidc" {
  description = "The identity provider in front of the Dagster UI, from its /.well-known/openid-configuration. The client's id and secret are a Secret in the cluster, not here."
  type = object({
    issuer                 = string
    authorization_endpoint = string
    token_endpoint         = string
    user_info_endpoint     = string
  })
  default = null

  validation {
    condition     = var.oidc == null || alltrue([for url in values(var.oidc == null ? {} : var.oidc) : startswith(url, "https://")])
    error_message = "oidc has four URLs that begin with https://."
  }
}

locals {
  hosted = var.dns_zone_id != null
  hosts  = var.domain == null ? {} : { for name in ["api", "dagster", "dagster-view"] : name => "${name}.${var.domain}" }
}

resource "aws_acm_certificate" "this" {
  count = var.domain == null ? 0 : 1

  domain_name               = local.hosts["api"]
  subject_alternative_names = [local.hosts["dagster"], local.hosts["dagster-view"]]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = local.hosted ? local.hosts : {}

  zone_id         = var.dns_zone_id
  name            = one([for option in aws_acm_certificate.this[0].domain_validation_options : option.resource_record_name if option.domain_name == each.value])
  type            = one([for option in aws_acm_certificate.this[0].domain_validation_options : option.resource_record_type if option.domain_name == each.value])
  records         = [for option in aws_acm_certificate.this[0].domain_validation_options : option.resource_record_value if option.domain_name == each.value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  count = local.hosted ? 1 : 0

  certificate_arn         = aws_acm_certificate.this[0].arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

# external-dns gives the load balancers their names.
resource "aws_iam_role_policy" "external_dns" {
  count = local.hosted ? 1 : 0

  name = "name-load-balancers"
  role = aws_iam_role.pod["external-dns"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Records"
        Effect   = "Allow"
        Action   = ["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets", "route53:ListTagsForResources"]
        Resource = ["arn:${local.partition}:route53:::hostedzone/${var.dns_zone_id}"]
      },
      {
        # "*": to list zones is not a question about one of them.
        Sid      = "Zones"
        Effect   = "Allow"
        Action   = ["route53:ListHostedZones"]
        Resource = ["*"]
      },
    ]
  })
}

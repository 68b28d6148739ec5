variable "mlflow" {
  description = "A managed MLflow tracking server, for the trials of `retail-forecast tune`; billed by the hour."
  type        = bool
  default     = false
}

# One group: Terraform makes it before the first model is registered, so that its name and tags are the platform's.
resource "aws_sagemaker_model_package_group" "this" {
  model_package_group_name        = local.name
  model_package_group_description = "Models of ${local.name}; their approval is their stage"
}

# What a training job runs under: its own folder of the bucket, the features of the lake, its own logs, its image.
resource "aws_iam_role" "sagemaker" {
  name                 = "${local.name}-sagemaker"
  permissions_boundary = local.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "sagemaker.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "sagemaker" {
  name = "train"
  role = aws_iam_role.sagemaker.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.list_bucket,
      local.use_data_key,
      {
        Sid      = "ReadAndWrite"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = [local.objects["training"]]
      },
      {
        # A job takes its features from where they lie.
        Sid      = "ReadFeatures"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.lake}/lake/features/*"]
      },
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [local.training_log, "${local.training_log}:*"]
      },
      {
        Sid      = "Image"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = [aws_ecr_repository.this["training"].arn]
      },
      {
        # "*": a token of ECR is not for one repository, and EC2's descriptions know no resources.
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
          "ec2:DescribeVpcs", "ecr:GetAuthorizationToken",
        ]
        Resource = ["*"]
      },
      {
        # A job's interfaces in the private subnets, made when it starts and removed when it ends.
        Sid    = "NetworkInterfaces"
        Effect = "Allow"
        Action = [
          "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
          "ec2:DeleteNetworkInterfacePermission",
        ]
        Resource = concat(
          ["arn:${local.partition}:ec2:${var.region}:${local.account_id}:network-interface/*", aws_security_group.training.arn],
          [for subnet in aws_subnet.private : subnet.arn],
        )
      },
    ]
  })
}

resource "aws_security_group" "training" {
  #checkov:skip=CKV2_AWS_5: SageMaker attaches it to the interfaces of each training job
  name_prefix = "${local.name}-training-"
  description = "Training jobs: nothing in but from each other"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-training" }

  lifecycle {
    create_before_destroy = true
  }
}

# Instances that share a job talk to each other.
resource "aws_vpc_security_group_ingress_rule" "training_peers" {
  security_group_id            = aws_security_group.training.id
  description                  = "Instances of one job"
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.training.id
}

resource "aws_vpc_security_group_egress_rule" "training_peers" {
  security_group_id            = aws_security_group.training.id
  description                  = "Instances of one job"
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.training.id
}

# S3 through its gateway, the rest of AWS through the interface endpoints.
resource "aws_vpc_security_group_egress_rule" "training_s3" {
  security_group_id = aws_security_group.training.id
  description       = "HTTPS to S3"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
}

resource "aws_vpc_security_group_egress_rule" "training_endpoints" {
  security_group_id            = aws_security_group.training.id
  description                  = "HTTPS to the interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.endpoints.id
}

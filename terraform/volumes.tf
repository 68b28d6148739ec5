# Every volume of the account is encrypted with the platform's key, those that pods claim included.
resource "aws_ebs_encryption_by_default" "this" {
  enabled = true
}

resource "aws_ebs_default_kms_key" "this" {
  key_arn = aws_kms_key.platform.arn
}

"""The provider's price list: services, what they count and what a unit costs, in integers of 1e-10 USD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MONEY = 10**10
"""Amounts are integers of 1e-10 USD."""
QUANTITY = 10**6
"""Quantities are integers of 1e-6."""


class Service(NamedTuple):
    """A service as the bill names it."""

    name: str
    category: str
    subcategory: str
    code: str


EC2 = Service("Amazon Elastic Compute Cloud", "Compute", "Virtual Machines", "AmazonEC2")
EBS = Service("Amazon Elastic Compute Cloud", "Storage", "Block Storage", "AmazonEC2")
EKS = Service("Amazon Elastic Container Service for Kubernetes", "Compute", "Containers", "AmazonEKS")
RDS = Service("Amazon Relational Database Service", "Databases", "Relational Databases", "AmazonRDS")
DYNAMODB = Service("Amazon DynamoDB", "Databases", "NoSQL Databases", "AmazonDynamoDB")
LAMBDA = Service("AWS Lambda", "Compute", "Serverless Compute", "AWSLambda")
S3 = Service("Amazon Simple Storage Service", "Storage", "Object Storage", "AmazonS3")
ELB = Service("Elastic Load Balancing", "Networking", "Application Networking", "AWSELB")
CLOUDFRONT = Service("Amazon CloudFront", "Networking", "Content Delivery", "AmazonCloudFront")
CLOUDWATCH = Service("AmazonCloudWatch", "Management and Governance", "Observability", "AmazonCloudWatch")
ELASTICACHE = Service("Amazon ElastiCache", "Databases", "Caching", "AmazonElastiCache")
SQS = Service("Amazon Simple Queue Service", "Integration", "Messaging", "AWSQueueService")
BEDROCK = Service("Amazon Bedrock", "AI and Machine Learning", "Generative AI", "AmazonBedrock")
CODEBUILD = Service("CodeBuild", "Developer Tools", "Continuous Integration and Deployment", "CodeBuild")
ECR = Service("Amazon EC2 Container Registry (ECR)", "Compute", "Containers", "AmazonECR")
GUARDDUTY = Service("Amazon GuardDuty", "Security", "Threat Detection and Response", "AmazonGuardDuty")
KMS = Service("AWS Key Management Service", "Identity", "Other (Identity)", "awskms")
ROUTE53 = Service("Amazon Route 53", "Networking", "Other (Networking)", "AmazonRoute53")
SUPPORT = Service("AWS Support (Business)", "Other", "Other (Other)", "AWSSupportBusiness")
SAVINGS_PLAN = Service(
    "Savings Plans for AWS Compute usage", "Compute", "Other (Compute)", "ComputeSavingsPlans"
)


@dataclass(frozen=True)
class Item:
    """One line of the price list. `usage_type` is without the region's prefix; prices by region, 1e-10 USD a unit."""

    service: Service
    usage_type: str
    operation: str
    unit: str
    eu: int
    us: int
    resource_type: str = ""

    def price(self, region: str) -> int:
        return self.eu if region.startswith("eu") else self.us

    def usage(self, region: str) -> str:
        """The usage type as the bill writes it."""
        if self.service is CLOUDFRONT:
            return f"{'EU' if region.startswith('eu') else 'US'}-{self.usage_type}"
        return f"EUC1-{self.usage_type}" if region.startswith("eu") else self.usage_type


NODE_VCPU = 8
DATABASE_VCPU = 16

NODE = Item(EC2, "BoxUsage:m6i.2xlarge", "RunInstances", "Hrs", 4_600_000_000, 3_840_000_000, "nodegroup")
NODE_COMMITTED = {"eu-central-1": 3_310_000_000, "us-east-1": 2_760_000_000}
"""What an hour of the same node costs under the Savings Plan."""
DISK = Item(EBS, "EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "GB-Mo", 952_000_000, 800_000_000, "volume")
CONTROL_PLANE = Item(
    EKS, "AmazonEKS-Hours:perCluster", "CreateOperation", "Hrs", 1_000_000_000, 1_000_000_000, "cluster"
)
DATABASE = Item(
    RDS,
    "InstanceUsageIOOptimized:db.r6g.4xlarge",
    "CreateDBInstance:0021",
    "Hrs",
    34_840_000_000,
    27_000_000_000,
    "cluster",
)
DATABASE_SMALL = Item(
    RDS,
    "InstanceUsageIOOptimized:db.r6g.large",
    "CreateDBInstance:0021",
    "Hrs",
    4_360_000_000,
    3_370_000_000,
    "cluster",
)
DATABASE_STORAGE = Item(
    RDS,
    "Aurora:IO-OptimizedStorageUsage",
    "CreateDBInstance:0021",
    "GB-Mo",
    2_680_000_000,
    2_250_000_000,
    "cluster",
)
READS = Item(
    DYNAMODB, "ReadRequestUnits", "PayPerRequestThroughput", "ReadRequestUnits", 1_525, 1_250, "table"
)
WRITES = Item(
    DYNAMODB, "WriteRequestUnits", "PayPerRequestThroughput", "WriteRequestUnits", 7_625, 6_250, "table"
)
FUNCTION_TIME = Item(LAMBDA, "Lambda-GB-Second", "Invoke", "Lambda-GB-Second", 166_667, 166_667, "function")
FUNCTION_CALLS = Item(LAMBDA, "Request", "Invoke", "Requests", 2_000, 2_000, "function")
OBJECTS = Item(S3, "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo", 245_000_000, 230_000_000, "bucket")
OBJECT_WRITES = Item(S3, "Requests-Tier1", "PutObject", "Requests", 54_000, 50_000, "bucket")
OBJECT_READS = Item(S3, "Requests-Tier2", "GetObject", "Requests", 4_300, 4_000, "bucket")
BALANCER = Item(
    ELB, "LoadBalancerUsage", "LoadBalancing:Application", "Hrs", 270_000_000, 225_000_000, "loadbalancer"
)
BALANCER_UNITS = Item(
    ELB, "LCUUsage", "LoadBalancing:Application", "LCU-Hrs", 80_000_000, 80_000_000, "loadbalancer"
)
EDGE = Item(CLOUDFRONT, "DataTransfer-Out-Bytes", "GET", "GB", 850_000_000, 850_000_000, "distribution")
EDGE_REQUESTS = Item(CLOUDFRONT, "Requests-Tier2-HTTPS", "GET", "Requests", 12_000, 10_000, "distribution")
LOGS = Item(
    CLOUDWATCH, "DataProcessing-Bytes", "PutLogEvents", "GB", 6_300_000_000, 5_000_000_000, "log-group"
)
CACHE = Item(
    ELASTICACHE,
    "NodeUsage:cache.r7g.xlarge",
    "CreateCacheCluster:0002",
    "Hrs",
    5_250_000_000,
    4_370_000_000,
    "cluster",
)
MESSAGES = Item(SQS, "Requests-Tier1", "SendMessage", "Requests", 4_000, 4_000, "queue")
TOKENS_IN = Item(
    BEDROCK, "NovaLite-input-tokens", "InvokeModelInference", "1K tokens", 780_000, 600_000, "model"
)
TOKENS_OUT = Item(
    BEDROCK, "NovaLite-output-tokens", "InvokeModelInference", "1K tokens", 3_120_000, 2_400_000, "model"
)

# The tooling account: no tenant's, the same every working day. Quantity of a day in thousandths.
TOOLING: tuple[tuple[Item, int], ...] = (
    (
        Item(CODEBUILD, "Build-Min:Linux:g1.large", "Build", "Minutes", 200_000_000, 200_000_000, "project"),
        1_450_000,
    ),
    (Item(ECR, "TimedStorage-ByteHrs", "", "GB-Mo", 1_000_000_000, 1_000_000_000, "repository"), 41_000),
    (Item(GUARDDUTY, "PaidEventsAnalyzed", "", "Events", 46_000, 40_000), 3_100_000_000),
    (Item(KMS, "KMS-Requests", "", "Requests", 30_000, 30_000, "key"), 900_000_000),
    (Item(ROUTE53, "DNS-Queries", "A", "Queries", 4_000, 4_000, "hostedzone"), 9_000_000_000),
)

"""What attributes and fields are called by default that name the tenant, the feature, the service and the region."""

from __future__ import annotations

TENANT = ("tenant.id", "tenant_id", "tenant")
FEATURE = ("feature.id", "feature", "http.route")
SERVICE = ("service.name",)
REGION = ("cloud.region",)

"""Every model below a folder, each held against its attestation under the consumer's bar."""

from invarlock.verify.audit.engine import AuditRequest, audit_models
from invarlock.verify.audit.result import AuditResult, ModelAudit

__all__ = ["AuditRequest", "AuditResult", "ModelAudit", "audit_models"]

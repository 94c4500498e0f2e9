"""Upstream's own codes and numbers → names of failure kinds (`kinds.py`)."""

from typing import Final

BY_STATUS: Final = {
    401: "auth",
    402: "quota",
    403: "forbidden",
    404: "model_not_found",
    408: "request_timeout",
    409: "conflict",
    413: "too_large",
    422: "unprocessable",
    429: "rate_limited",
    502: "bad_gateway",
    503: "overloaded",
    504: "gateway_timeout",
    529: "overloaded",
}
QUOTA_CODES: Final = ("insufficient_quota", "credit_balance_exhausted")
BY_CODE: Final = {
    "invalid_prompt": "prompt_refused",
    "context_length_exceeded": "context_too_long",
    "string_above_max_length": "context_too_long",
    "unknown_parameter": "unknown_parameter",
    "unsupported_parameter": "unknown_parameter",
    "unsupported_value": "unknown_parameter",
    "unsupported_country_region_territory": "region",
    "model_not_found": "model_not_found",
}
"""Upstream's codes that say more than the 4xx they come with."""

STREAM_CODES: Final = {
    "server_error": "failed",
    "vector_store_timeout": "failed",
    "rate_limit_exceeded": "rate_limited",
    "invalid_request_error": "failed_request",
    "context_length_exceeded": "failed_context",
    "invalid_prompt": "failed_prompt",
    "bio_policy": "failed_policy",
    "misalignment_policy_violation": "failed_policy",
    "image_content_policy_violation": "failed_policy",
    "data_residency_mismatch": "failed_region",
    "invalid_image": "failed_image",
    "invalid_image_format": "failed_image",
    "invalid_base64_image": "failed_image",
    "invalid_image_url": "failed_image",
    "invalid_image_mode": "failed_image",
    "image_too_large": "failed_image",
    "image_too_small": "failed_image",
    "image_parse_error": "failed_image",
    "image_file_too_large": "failed_image",
    "unsupported_image_media_type": "failed_image",
    "empty_image_file": "failed_image",
    "failed_to_download_image": "failed_image",
    "image_file_not_found": "failed_image",
}
"""Codes of `response.failed` and of `error` events; one that is not here is `failed`."""

INCOMPLETE_REASONS: Final = {
    "max_output_tokens": "cut_at_limit",
    "content_filter": "cut_by_filter",
    "max_messages": "cut_early",
    "steered": "cut_early",
}

"""A database as the Node version left it: Mongoose's field names, its `__v`, its bcrypt hashes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
from bson import ObjectId

NODE_DB = "node_version"
PASSWORD = "password123 of the old days"
SIGNED_UP = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
CALLER = "+14155550199"


def old_user(email: str = "owner@example.com", **fields: Any) -> dict[str, Any]:
    return {
        "_id": ObjectId(),
        "email": email,
        "password": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, b"2a")).decode(),
        "name": "John Doe",
        "phone": "+1 (415) 555-0123",
        "isActive": True,
        "role": "user",
        "isEmailVerified": True,
        "resetPasswordToken": "old-token",
        "createdAt": SIGNED_UP,
        "updatedAt": SIGNED_UP,
        "__v": 0,
    } | fields


def old_profile(user: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "_id": ObjectId(),
        "userId": user["_id"],
        "preferences": {"voiceModel": "nanotts-en-us", "aiModel": "faq", "responseLength": "short", "language": "en"},
        "subscription": {"plan": "basic", "status": "active", "stripeCustomerId": f"cus_{user['_id']}"},
        "usage": {"totalCalls": 7, "totalMinutes": 99, "monthlyCalls": 3},
        "business": {"companyName": "Doe's Bakery", "customGreeting": "Doe's Bakery, good morning!"},
        "__v": 0,
    } | fields


def old_pair(user: dict[str, Any], session_id: str, *, after: float = 0.0, **fields: Any) -> dict[str, Any]:
    return {
        "_id": ObjectId(),
        "userId": user["_id"],
        "phoneNumber": CALLER,
        "sessionId": session_id,
        "userMessage": f"Hello SAATHI, {after}",
        "aiResponse": "Hello! How can I help you today?",
        "duration": 30,
        "status": "completed",
        "createdAt": SIGNED_UP + timedelta(days=3, seconds=after),
        "__v": 0,
    } | fields

import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import * as PlaidError from "../src/PlaidError.ts"

const reasonOf = (status: number, error_code: string, error_code_reason?: string) =>
  PlaidError.reasonOf(status, {
    error_type: "ITEM_ERROR",
    error_code,
    ...(error_code_reason !== undefined && { error_code_reason }),
  })

describe("Plaid's error codes", () => {
  it("tell an authorization that ended from one that was withdrawn", () => {
    assert.deepInclude(reasonOf(400, "ITEM_LOGIN_REQUIRED"), { _tag: "AuthorizationEnded", reason: "expired" })
    assert.deepInclude(reasonOf(400, "ITEM_LOGIN_REQUIRED", "OAUTH_USER_REVOKED"), {
      _tag: "AuthorizationEnded",
      reason: "revoked",
    })
    assert.deepInclude(reasonOf(400, "ITEM_NOT_FOUND"), { _tag: "AuthorizationEnded", reason: "revoked" })
  })

  it("never end a connection because the bank or Plaid is down", () => {
    for (const code of ["INSTITUTION_DOWN", "INSTITUTION_NOT_RESPONDING", "INTERNAL_SERVER_ERROR"]) {
      assert.strictEqual(reasonOf(400, code)._tag, "Unavailable")
    }
  })

  it.prop("that are not known are judged by the status", [Schema.String], ([suffix]) => {
    const code = `NEW_${suffix}`
    assert.strictEqual(reasonOf(429, code)._tag, "RateLimited")
    assert.strictEqual(reasonOf(503, code)._tag, "Unavailable")
    assert.strictEqual(reasonOf(400, code)._tag, "UnexpectedAnswer")
    assert.strictEqual(reasonOf(400, "constructor")._tag, "UnexpectedAnswer")
  })
})

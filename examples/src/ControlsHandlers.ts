/** Operators turn something off, and on again. */
import { Controls, type Ids } from "@holdfast/domain"
import { DateTime, Effect, Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"

import { orPage } from "./Answers.ts"
import { Api } from "./Api.ts"
import { Caller } from "./ApiCommon.ts"
import { invalid, translated } from "./ApiErrors.ts"
import { nameOf } from "./ControlsApi.ts"

export const switches = HttpApiBuilder.group(Api, "controls", (handlers) =>
  handlers.handleAll({
    list: Effect.fnUntraced(function* () {
      const { tenantId } = yield* Caller
      return (yield* off(tenantId)).map((scope) => ({ scope }))
    }, translated),

    turn: Effect.fnUntraced(function* ({ payload, request }) {
      const { ownerId, tenantId } = yield* Caller
      const enabled = String(payload.enabled) === "true"
      const scope = yield* scopeNamed(payload.scope)
      const { reason } = payload
      const changed = yield* Controls.turn(
        tenantId,
        {
          _tag: enabled ? "Enable" : "Disable",
          at: yield* DateTime.now,
          scope,
          ...(reason !== undefined && { reason }),
        },
        // The demonstration has nobody to log in. A host lets nobody but operators in here.
        { actor: { kind: "operator", id: ownerId } },
      )
      return orPage(request, { scope: nameOf(scope), enabled, changed })
    }, translated),
  }),
)

/** What is off for a tenant, by name. */
export const off = Effect.fn("Controls.off")(function* (tenantId: Ids.TenantId) {
  return [...new Set((yield* Controls.standing(tenantId)).disabled.map(nameOf))].toSorted()
})

const scopeNamed = (name: string) => {
  const [kind = "", id] = name.split(/:(.*)/s)
  return Effect.mapError(decodeScope(id === undefined ? { kind } : { kind, id }), () =>
    invalid("scope", "Expected all, enrichment, provider:<id> or connection:<id>"),
  )
}

const decodeScope = Schema.decodeUnknownEffect(Controls.Scope, { onExcessProperty: "error" })

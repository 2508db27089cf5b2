/** Switches for emergencies, of one tenant. `holdfast controls` has those of all tenants. */
import { type Controls } from "@holdfast/domain"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"

import { Callers, Refusals } from "./ApiCommon.ts"
import { Problems } from "./ApiErrors.ts"

const turning = {
  /** `all`, `enrichment`, `provider:<id>` or `connection:<id>`. */
  scope: Schema.String,
  /** For operators; no personal data. */
  reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1_000))),
}

export class Switches extends HttpApiGroup.make("controls")
  .add(
    /** What is off. */
    HttpApiEndpoint.get("list", "/", {
      success: Schema.Array(Schema.Struct({ scope: Schema.String })),
      error: Problems,
    }),
    HttpApiEndpoint.post("turn", "/", {
      payload: [
        Schema.Struct({ ...turning, enabled: Schema.Boolean }),
        Schema.Struct({ ...turning, enabled: Schema.Literals(["true", "false"]) }).pipe(
          HttpApiSchema.asFormUrlEncoded(),
        ),
      ],
      /** `changed`: whether it was the other way round before. */
      success: Schema.Struct({ scope: Schema.String, enabled: Schema.Boolean, changed: Schema.Boolean }),
      error: Problems,
    }),
  )
  .middleware(Callers)
  .middleware(Refusals)
  .prefix("/api/controls") {}

/** As `holdfast controls` calls it too. */
export const nameOf = (scope: Controls.Scope) => ("id" in scope ? `${scope.kind}:${scope.id}` : scope.kind)

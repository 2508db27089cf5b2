/** Plaid's own description of its answers, read strictly: no field may be there that it does not know. */
import { readFileSync } from "node:fs"

import { Ajv, type ValidateFunction } from "ajv"
import formats from "ajv-formats"
import { Schema } from "effect"

/** What is wrong with an answer of this endpoint; nothing if it is as described. */
export const problemsOfAnswer = (endpoint: string, answer: unknown) =>
  problems(description.responses[endpoint] ?? `no answer of ${endpoint}`, answer)

export const problemsOfError = (answer: unknown) => problems("PlaidError", answer)

export const problemsOfWebhook = (code: string, body: unknown) => problems(webhooks.get(code) ?? `no ${code}`, body)

/** The paths of all fields that a request to this endpoint may have, as `options.count`. */
export const fieldsOf = (endpoint: string) => description.requests[endpoint] ?? []

export const describedEndpoints = () => Object.keys(description.requests)

interface Described {
  readonly $ref?: string
  readonly type?: string
  readonly nullable?: boolean
  readonly allOf?: ReadonlyArray<Described>
  readonly items?: Described
  readonly properties?: Readonly<Record<string, Described>>
  readonly required?: ReadonlyArray<string>
}

const Described: Schema.Codec<Described, unknown> = Schema.StructWithRest(
  Schema.Struct({
    $ref: Schema.optionalKey(Schema.String),
    type: Schema.optionalKey(Schema.String),
    nullable: Schema.optionalKey(Schema.Boolean),
    allOf: Schema.optionalKey(Schema.Array(Schema.suspend(() => Described))),
    items: Schema.optionalKey(Schema.suspend(() => Described)),
    properties: Schema.optionalKey(
      Schema.Record(
        Schema.String,
        Schema.suspend(() => Described),
      ),
    ),
    required: Schema.optionalKey(Schema.Array(Schema.String)),
  }),
  [Schema.Record(Schema.String, Schema.Unknown)],
)

const Description = Schema.fromJsonString(
  Schema.Struct({
    requests: Schema.Record(Schema.String, Schema.Array(Schema.String)),
    responses: Schema.Record(Schema.String, Schema.String),
    webhooks: Schema.Array(Schema.String),
    components: Schema.Struct({ schemas: Schema.Record(Schema.String, Described) }),
  }),
)

const description = Schema.decodeSync(Description)(
  readFileSync(new URL("./plaid-openapi.json", import.meta.url), "utf8"),
)

const { schemas } = description.components

const named = (reference: string) => schemas[reference.replace("#/components/schemas/", "")] ?? {}

/** The description lets answers grow; the simulator may not invent. Alternatives of parts become one object. */
const closed = (described: Described): Described => {
  const { allOf, ...rest } = described
  if (allOf !== undefined) return closed([rest, ...allOf].map(resolved).reduce(merged))
  const { items, properties } = rest
  return {
    ...rest,
    ...(items === undefined ? {} : { items: closed(items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, closed(inner)])),
          additionalProperties: false,
        }),
  }
}

const resolved = (described: Described): Described => {
  const found = described.$ref === undefined ? described : named(described.$ref)
  const { allOf, ...rest } = found
  return allOf === undefined ? rest : [rest, ...allOf].map(resolved).reduce(merged)
}

const merged = (a: Described, b: Described): Described => ({
  ...b,
  ...a,
  type: a.type ?? b.type ?? "object",
  properties: { ...a.properties, ...b.properties },
  required: [...(a.required ?? []), ...(b.required ?? [])],
})

const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true })
formats.default(ajv)
// Theirs refuses the addresses of this machine.
ajv.addFormat("url", (text) => URL.canParse(text))
ajv.addVocabulary(["components"])
ajv.addSchema({
  $id: "plaid",
  components: {
    schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, closed(schema)])),
  },
})

const validators = new Map<string, ValidateFunction>()

const problems = (schema: string, value: unknown): string | undefined => {
  const validate = validators.get(schema) ?? ajv.compile({ $ref: `plaid#/components/schemas/${schema}` })
  validators.set(schema, validate)
  return validate(value) ? undefined : `${schema}: ${ajv.errorsText(validate.errors)}`
}

const webhooks = new Map([
  ["SYNC_UPDATES_AVAILABLE", "SyncUpdatesAvailableWebhook"],
  ["PENDING_EXPIRATION", "PendingExpirationWebhook"],
  ["ERROR", "ItemErrorWebhook"],
  ["LOGIN_REPAIRED", "ItemLoginRepairedWebhook"],
  ["PENDING_DISCONNECT", "PendingDisconnectWebhook"],
  ["USER_PERMISSION_REVOKED", "UserPermissionRevokedWebhook"],
  ["NEW_ACCOUNTS_AVAILABLE", "NewAccountsAvailableWebhook"],
  ["USER_ACCOUNT_REVOKED", "UserAccountRevokedWebhook"],
  ["WEBHOOK_UPDATE_ACKNOWLEDGED", "WebhookUpdateAcknowledgedWebhook"],
  ["ITEM_ADD_RESULT", "ItemAddResultWebhook"],
  ["SESSION_FINISHED", "LinkSessionFinishedWebhook"],
])

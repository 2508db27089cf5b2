/**
 * The fields that Plaid's description gives to requests. Others are refused, as Plaid does, inside of objects too where
 * the parts of an object are listed here; inside of what is not simulated anything goes.
 *
 * @see https://github.com/plaid/plaid-openapi
 */
const fields: Readonly<Record<string, string>> = {
  "/link/token/create": `access_token access_tokens account_filters additional_consented_products android_package_name
    appearance_mode auth base_report card_switch cashflow_report client_name consumer_report_permissible_purpose
    country_codes cra_enabled cra_options credit_partner_insights employment enable_multi_item_link eu_config
    financekit_supported hosted_link identity identity_verification income_verification institution_data institution_id
    investments investments_auth language link_customization_name optional_products payment_configuration
    payment_initiation products redirect_uri required_if_supported_products statements third_party_user_token
    transactions transactions.days_requested transfer update update.account_selection_enabled update.item_ids
    update.reauthorization_enabled update.user user user.address user.client_user_id user.date_of_birth
    user.email_address user.email_address_verified_time user.id_number user.legal_name user.name user.phone_number
    user.phone_number_verified_time user.ssn user_id user_token webhook`,
  "/link/token/get": "link_token",
  "/sandbox/public_token/create": `initial_products institution_id options options.income_verification
    options.override_password options.override_username options.statements options.transactions
    options.transactions.days_requested options.transactions.end_date options.transactions.start_date options.webhook
    user_id user_token`,
  "/item/public_token/exchange": "public_token",
  "/item/get": "access_token",
  "/item/remove": "access_token reason_code reason_note",
  "/item/webhook/update": "access_token webhook",
  "/item/access_token/invalidate": "access_token",
  "/accounts/get": "access_token options options.account_ids",
  "/accounts/balance/get": "access_token options options.account_ids options.min_last_updated_datetime",
  "/auth/get": "access_token options options.account_ids",
  "/identity/get": "access_token options options.account_ids",
  "/transactions/sync": `access_token count cursor options options.account_id options.days_requested
    options.include_logo_and_counterparty_beta options.include_original_description
    options.include_personal_finance_category options.personal_finance_category_version`,
  "/transactions/get": `access_token end_date options options.account_ids options.count options.days_requested
    options.include_logo_and_counterparty_beta options.include_original_description
    options.include_personal_finance_category options.include_personal_finance_category_beta options.offset
    options.personal_finance_category_version start_date`,
  "/transactions/refresh": "access_token",
  "/institutions/get_by_id": `country_codes institution_id options options.include_auth_metadata
    options.include_optional_metadata options.include_payment_initiation_metadata options.include_status`,
  "/webhook_verification_key/get": "key_id",
  "/sandbox/item/reset_login": "access_token",
  "/sandbox/item/fire_webhook": "access_token webhook_code webhook_type",
  "/sandbox/transactions/create": "access_token transactions",
}

/** The paths of all fields of a request that Plaid does not know, as `options.colour`. */
export const unknownFields = (endpoint: string, body: unknown): ReadonlyArray<string> => {
  const known = new Set(["client_id", "secret", ...(fields[endpoint] ?? "").split(/\s+/)])
  const look = (value: unknown, prefix: string): ReadonlyArray<string> =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? []
      : Object.entries(value).flatMap(([name, inner]) => {
          const path = `${prefix}${name}`
          if (!known.has(path)) return [path]
          return [...known].some((other) => other.startsWith(`${path}.`)) ? look(inner, `${path}.`) : []
        })
  return look(body, "")
}

/** Days as Plaid writes them, `YYYY-MM-DD` in UTC; times are milliseconds since 1970. */

export const dayMillis = 86_400_000

export const dayOf = (millis: number) => new Date(millis).toISOString().slice(0, 10)

export const daysBefore = (millis: number, days: number) => dayOf(millis - days * dayMillis)

export const millisOf = (day: string) => Date.parse(`${day}T00:00:00Z`)

export const isoOf = (millis: number) => new Date(millis).toISOString()

/**
 * Amounts as integers of a currency's smallest unit.
 *
 * Plaid gives decimals as JSON numbers. A JSON number carries 15 digits exactly,
 * so the decimal that was meant is the shortest one that reads as it; what has
 * more digits than that, or than its currency has, is refused and not rounded.
 */
import { Option } from "effect"

/** In minor units, a safe integer; none where the amount or the currency is not one that can be told exactly. */
export const minorUnits = (amount: number, currency: string): Option.Option<number> => {
  const digits = minorDigits(currency)
  if (digits === undefined) return Option.none()
  const unit = 10 ** digits
  // Not -0.
  const minor = Math.round(amount * unit) + 0
  // No two decimals of at most 15 digits read as one number: if this one does, it is the one that was meant.
  return Math.abs(minor) < 1e15 && minor / unit === amount ? Option.some(minor) : Option.none()
}

/** Digits after the point, of currencies that ISO 4217 lists; none of others. */
export const minorDigits = (currency: string): number | undefined => byCurrency.get(currency)

const codes = (digits: number, list: string) => list.split(" ").map((code) => [code, digits] as const)

/** @see https://www.six-group.com/en/products-services/financial-information/data-standards.html */
const byCurrency: ReadonlyMap<string, number> = new Map([
  ...codes(0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
  ...codes(
    2,
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF " +
      "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG " +
      "HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR " +
      "MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD " +
      "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG " +
      "YER ZAR ZMW ZWG",
  ),
  ...codes(3, "BHD IQD JOD KWD LYD OMR TND"),
  ...codes(4, "CLF UYW"),
])

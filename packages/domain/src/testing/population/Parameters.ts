/**
 * What goes wrong in a population, and how often.
 *
 * The hazards are those that providers document and that users of account aggregators report. The rates are assumptions,
 * chosen to be at the unkind end of the plausible: figures measured on such a population compare policies with each
 * other; they do not predict a field.
 */

/** All rates are probabilities from 0 to 1. */
export interface Parameters {
  /** How often each kind of tenant occurs. */
  readonly tenants: { readonly household: number; readonly business: number; readonly propertyManager: number }
  /** Share of the logins at institutions of the European Union; the others are in the United States. */
  readonly european: number
  /** What happens: how often each. */
  readonly happenings: Readonly<Record<Happening, number>>
  /** Mean number of days between the last booking held of a broken connection and its reconnection. */
  readonly gapDays: number
  /** Days of history that a new connection delivers; one is drawn. The bank may offer less. */
  readonly historyDays: readonly [number, ...Array<number>]
  readonly institutions: {
    /** Share of credit unions that show a part of the member number as the mask: every account of a member has the same. */
    readonly memberMask: number
    /** Share of credit unions where the member number is the account number. */
    readonly memberNumber: number
    /** Share of European institutions that put pockets, pots and cards under the IBAN of the main account. */
    readonly sharedIban: number
    /** Share of those that also show the same mask for all of them. */
    readonly sharedIbanMask: number
  }
  readonly identifiers: {
    /** A connection delivers account numbers (United States). */
    readonly numbers: number
    /** A connection delivers IBANs. */
    readonly ibans: number
    /** A connection delivers holders' names. */
    readonly holders: number
    readonly maskMissing: number
    /** The mask has two or three characters. */
    readonly maskShort: number
    /** The mask is one that means nothing, like `0000`. */
    readonly maskGeneric: number
    /** A description has no currency. */
    readonly currencyMissing: number
    /** A description has no balance. */
    readonly balanceMissing: number
  }
  /** What makes accounts of one tenant alike. */
  readonly likeness: {
    /** A household of two has a joint account at an institution that both use. */
    readonly joint: number
    /** A main account at an institution that shares IBANs has pockets in other currencies. */
    readonly pockets: number
    /** … has pots in the same currency. */
    readonly pots: number
    /** … has a card that reports the IBAN it is settled from. */
    readonly settledCard: number
    /** A business has a card programme: a parent account whose statement repeats its children's. */
    readonly cardProgramme: number
    /** An account repeats most bookings of another account of its login. */
    readonly clonedBookings: number
    /** An account without bookings. */
    readonly dormant: number
  }
  /** What changes between the last sight of an account and the next. */
  readonly changes: {
    /** The name is another one altogether. */
    readonly renamed: number
    /** The name is spelt differently. */
    readonly nameNoise: number
    /** Another subtype of the same type. */
    readonly converted: number
    /** Another type. */
    readonly retyped: number
    /** Per year: a card gets a new number. */
    readonly cardReplacedPerYear: number
    /** Per year: the bank renumbers the account. */
    readonly renumberedPerYear: number
    /** The institution goes by another id, with the same name. */
    readonly institutionMigrated: number
    /** The institution has another name under its old id. */
    readonly institutionRenamed: number
    /** The institution was merged into another: id and name are that one's. */
    readonly institutionMerged: number
    /** In update mode: the provider gives a living account a new id. */
    readonly churned: number
    /** A held account is not selected this time. */
    readonly unselected: number
    /** A held account is closed. */
    readonly closed: number
    /** Per connection: an account that was never held is among the new ones. */
    readonly opened: number
    /** An account is closed and another of the same kind and name stands in its place. */
    readonly replaced: number
    /** The balance of the replaced one is carried over. */
    readonly carriedOver: number
    /** The accounts come in another order than before. */
    readonly reordered: number
    /** Another user of the tenant reconnects. */
    readonly otherOwner: number
  }
  readonly store: {
    /** An account is held twice already, as two accounts. */
    readonly duplicated: number
  }
  readonly bookings: {
    /** A booking stands under a day one or two off. */
    readonly shifted: number
    /** A booking is missing on one side. */
    readonly lost: number
    /** The amount of a booking was corrected. */
    readonly corrected: number
    /** Nothing pending stands between the old balance, the movements since and the new balance. */
    readonly rollsForward: number
  }
}

/**
 * - `relink`: a new connection of a login that was connected before.
 * - `update`: the same connection, authorized again.
 * - `spouse`: a second owner connects a login that shares accounts with one that is held.
 * - `fresh`: a login none of whose accounts is held.
 * - `providerChange`: a relink through another provider.
 */
export type Happening = "relink" | "update" | "spouse" | "fresh" | "providerChange"

export const defaults: Parameters = {
  tenants: { household: 0.72, business: 0.2, propertyManager: 0.08 },
  european: 0.34,
  happenings: { relink: 0.7, update: 0.12, spouse: 0.08, fresh: 0.07, providerChange: 0.03 },
  gapDays: 60,
  historyDays: [30, 90, 90, 180, 365, 730],
  institutions: { memberMask: 0.25, memberNumber: 0.08, sharedIban: 0.4, sharedIbanMask: 0.25 },
  identifiers: {
    numbers: 0.28,
    ibans: 0.97,
    holders: 0.5,
    maskMissing: 0.05,
    maskShort: 0.03,
    maskGeneric: 0.01,
    currencyMissing: 0,
    balanceMissing: 0.02,
  },
  likeness: {
    joint: 0.6,
    pockets: 0.25,
    pots: 0.25,
    settledCard: 0.5,
    cardProgramme: 0.08,
    clonedBookings: 0,
    dormant: 0.06,
  },
  changes: {
    renamed: 0.09,
    nameNoise: 0.17,
    converted: 0.025,
    retyped: 0.005,
    cardReplacedPerYear: 0.08,
    renumberedPerYear: 0.01,
    institutionMigrated: 0.06,
    institutionRenamed: 0.02,
    institutionMerged: 0.01,
    churned: 0.03,
    unselected: 0.06,
    closed: 0.03,
    opened: 0.12,
    replaced: 0.04,
    carriedOver: 0.5,
    reordered: 0.6,
    otherOwner: 0.03,
  },
  store: { duplicated: 0.02 },
  bookings: { shifted: 0.1, lost: 0.01, corrected: 0.004, rollsForward: 0.9 },
}

/** The hazards of the defaults at about half their rates. */
export const conservative: Parameters = {
  ...defaults,
  institutions: { memberMask: 0.15, memberNumber: 0.04, sharedIban: 0.15, sharedIbanMask: 0.2 },
  identifiers: { ...defaults.identifiers, maskMissing: 0.02, maskShort: 0.015, maskGeneric: 0.005 },
  changes: {
    ...defaults.changes,
    renamed: 0.03,
    nameNoise: 0.06,
    converted: 0.0125,
    retyped: 0.0025,
    cardReplacedPerYear: 0.04,
    renumberedPerYear: 0.005,
    institutionMigrated: 0.03,
    institutionRenamed: 0.01,
    institutionMerged: 0.005,
    churned: 0.015,
    opened: 0.06,
    replaced: 0.02,
  },
  store: { duplicated: 0.01 },
  bookings: { shifted: 0.05, lost: 0.005, corrected: 0.002, rollsForward: 0.93 },
}

export const usOnly: Parameters = { ...defaults, european: 0 }

export const euOnly: Parameters = { ...defaults, european: 1 }

export const propertyManagers: Parameters = {
  ...defaults,
  tenants: { household: 0, business: 0, propertyManager: 1 },
}

/** No connection delivers a number or an IBAN. */
export const noNumbers: Parameters = { ...defaults, identifiers: { ...defaults.identifiers, numbers: 0, ibans: 0 } }

/** Reconnections come two years late: most histories do not meet. */
export const noOverlap: Parameters = { ...defaults, gapDays: 700 }

/** Every hazard at two to ten times its rate. */
export const stress: Parameters = {
  ...defaults,
  tenants: { household: 0.5, business: 0.25, propertyManager: 0.25 },
  happenings: { relink: 0.6, update: 0.1, spouse: 0.15, fresh: 0.1, providerChange: 0.05 },
  gapDays: 90,
  institutions: { memberMask: 0.9, memberNumber: 0.4, sharedIban: 0.9, sharedIbanMask: 0.8 },
  identifiers: {
    ...defaults.identifiers,
    maskMissing: 0.15,
    maskShort: 0.25,
    maskGeneric: 0.1,
    currencyMissing: 0.01,
    balanceMissing: 0.05,
  },
  likeness: {
    joint: 0.8,
    pockets: 0.6,
    pots: 0.5,
    settledCard: 0.8,
    cardProgramme: 0.3,
    clonedBookings: 0.04,
    dormant: 0.12,
  },
  changes: {
    ...defaults.changes,
    renamed: 0.15,
    nameNoise: 0.3,
    converted: 0.06,
    retyped: 0.02,
    cardReplacedPerYear: 0.4,
    renumberedPerYear: 0.06,
    institutionMigrated: 0.15,
    institutionRenamed: 0.06,
    institutionMerged: 0.04,
    churned: 0.15,
    unselected: 0.12,
    closed: 0.08,
    opened: 0.3,
    replaced: 0.12,
    carriedOver: 0.8,
    reordered: 1,
    otherOwner: 0.08,
  },
  store: { duplicated: 0.06 },
  bookings: { shifted: 0.25, lost: 0.05, corrected: 0.02, rollsForward: 0.6 },
}

/** What syncing did, in numbers that add up: of a page, a source or a run. */
export interface SyncReport {
  readonly pages: number
  /** Items that were listed. */
  readonly scanned: number
  /** New to the account, and recorded. */
  readonly added: number
  /** Delivered again, and passed over. */
  readonly known: number
  /** Items that could not be had, and are asked for again by later runs. */
  readonly deferred: number
  /** Items that were listed once, and are not to be had any more. */
  readonly gone: number
  /** What it took of the provider's quota, in the provider's units; 0 for providers that do not count. */
  readonly units: number
}

export const nothing: SyncReport = { pages: 0, scanned: 0, added: 0, known: 0, deferred: 0, gone: 0, units: 0 }

export const together = (a: SyncReport, b: SyncReport): SyncReport => ({
  pages: a.pages + b.pages,
  scanned: a.scanned + b.scanned,
  added: a.added + b.added,
  known: a.known + b.known,
  deferred: a.deferred + b.deferred,
  gone: a.gone + b.gone,
  units: a.units + b.units,
})

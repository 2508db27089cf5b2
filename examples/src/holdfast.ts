/** The `holdfast` command with the views of this host: `npm run holdfast -- rebuild gmail_messages`. */
import { GmailMessagesView } from "@holdfast/adapters-gmail"
import * as Extract from "@holdfast/adapters-gmail/ExtractCommand"
import { EnrichmentReviewsView, EnrichmentsView } from "@holdfast/domain"
import * as Cli from "@holdfast/store-postgres/Cli"

import { Transactions } from "./Background.ts"
import * as Mailboxes from "./Mailboxes.ts"

Cli.run({
  projections: [
    ...Cli.projections,
    EnrichmentReviewsView,
    EnrichmentsView,
    GmailMessagesView,
    Mailboxes.Facts,
    Transactions,
  ],
  commands: [Extract.command],
})

/** The `holdfast` command with the views of this host: `npm run holdfast -- rebuild gmail_messages`. */
import { GmailMessagesView } from "@holdfast/adapters-gmail"
import * as Cli from "@holdfast/store-postgres/Cli"

import { Transactions } from "./Background.ts"

Cli.run({ projections: [...Cli.projections, GmailMessagesView, Transactions] })

#!/usr/bin/env node
import * as Cli from "./Cli.ts"

Cli.run({ projections: Cli.projections })

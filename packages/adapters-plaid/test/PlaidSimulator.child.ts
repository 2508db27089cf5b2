/** A simulator in a process of its own, to be killed: says where it listens, and goes on for ever. */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"

import { PlaidSimulator } from "../src/testing/index.ts"

const [, , stateFile = ""] = process.argv

const announced = Layer.effectDiscard(Effect.flatMap(PlaidSimulator, ({ url }) => Console.log(url)))

NodeRuntime.runMain(Layer.launch(Layer.provide(announced, PlaidSimulator.layer({ stateFile }))))

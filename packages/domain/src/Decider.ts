/**
 * The pure core of an aggregate, after Jérémie Chassaing's decider.
 *
 * A decider says which events a command causes and which state events lead to.
 * It performs no effects: time, identifiers and provider data arrive inside the
 * command, so every decision can be replayed and tested as a plain function.
 */
import type { Result } from "effect"

/** A left fold over events: what aggregates and projections have in common. */
export interface Fold<State, in Event> {
  /** The state before any event. */
  readonly initial: State
  /** The state after one more event. Total: recorded history is never rejected. */
  readonly evolve: (state: State, event: Event) => State
}

/** Turns commands into events, given the state that earlier events led to. */
export interface Decider<State, Command, Event, Rejection> extends Fold<State, Event> {
  /**
   * The events a command causes, none when its outcome already holds, or the
   * reason it is refused. Deciding the same command twice changes nothing.
   */
  readonly decide: (state: State, command: Command) => Result.Result<ReadonlyArray<Event>, Rejection>
  /**
   * The unique keys that a state holds. Claims follow from events alone, so they
   * can be checked against the log and rebuilt from it.
   */
  readonly claims: (state: State) => ReadonlyArray<string>
}

/** The state a history leads to. */
export const replay = <State, Event>(fold: Fold<State, Event>, history: ReadonlyArray<Event>): State =>
  history.reduce(fold.evolve, fold.initial)

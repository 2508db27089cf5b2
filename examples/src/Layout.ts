/** What the pages of the demonstration have in common. */
import { HttpServerResponse } from "effect/http"

import { html, type Html } from "./Html.ts"

export const document = (title: string, content: Html) =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – Holdfast</title>
        <style>
          body {
            font:
              16px/1.5 system-ui,
              sans-serif;
            margin: 2rem auto;
            max-width: 60rem;
            padding: 0 1rem;
            color: #1b1f24;
          }
          a {
            color: #0b57d0;
          }
          section {
            border: 1px solid #d5d9de;
            border-radius: 0.5rem;
            margin: 1.5rem 0;
            padding: 1rem 1.25rem;
            overflow-x: auto;
          }
          h2 {
            font-size: 1.1rem;
            margin: 0;
          }
          table {
            border-collapse: collapse;
            font-size: 0.85rem;
            width: 100%;
          }
          td,
          th {
            border-top: 1px solid #e3e6ea;
            padding: 0.3rem 1rem 0.3rem 0;
            text-align: left;
            vertical-align: top;
          }
          time,
          th,
          .event {
            white-space: nowrap;
          }
          .event {
            font-weight: 600;
          }
          .more {
            min-width: 15rem;
            overflow-wrap: anywhere;
          }
          .quiet {
            color: #59636e;
          }
          .status {
            border-radius: 1rem;
            font-size: 0.85rem;
            font-weight: 400;
            padding: 0.1rem 0.6rem;
            background: #e3e6ea;
          }
          .active {
            background: #cdebd2;
          }
          .needs_reauth,
          .medium,
          .low {
            background: #ffd9c2;
          }
          .exact,
          .high {
            background: #cfe2ff;
          }
          .question {
            border-color: #e0a800;
          }
          .warning {
            background: #fff3cd;
            border-radius: 0.3rem;
            padding: 0.1rem 0.4rem;
          }
          .kept {
            background: #f0f6ff;
            border-radius: 0.3rem;
            padding: 0.5rem 0.75rem;
          }
          form {
            display: inline;
          }
          .actions {
            margin: 1rem 0;
          }
          section > :last-child {
            margin-bottom: 0;
          }
          button,
          select {
            font: inherit;
            font-size: 0.85rem;
          }
          summary {
            cursor: pointer;
          }
          pre {
            font-size: 0.8rem;
            margin: 0.3rem 0 0.6rem;
            overflow-x: auto;
            white-space: pre-wrap;
          }
          .number {
            text-align: right;
          }
        </style>
      </head>
      <body>
        ${content}
      </body>
    </html> `

export const back = html`<p><a href="/">Back to the connections</a></p>`

/** Nothing on a page runs, and nothing is fetched for it. */
export const response = ({ html }: Html, status = 200) =>
  HttpServerResponse.html(html).pipe(
    HttpServerResponse.setStatus(status),
    HttpServerResponse.setHeader("content-security-policy", contentPolicy),
  )

const contentPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"

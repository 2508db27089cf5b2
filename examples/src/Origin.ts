/** As the browser, Google and Plaid are to know this server. */
import { HttpServer } from "effect/http"

export const originOf = ({ address }: HttpServer.HttpServer["Service"]) =>
  `http://localhost:${new URL(HttpServer.formatAddress(address)).port}`

/**
 * What a sentence of the body says became of the reservation: `This booking is not confirmed yet.` It contradicts a
 * subject that says otherwise, and says nothing by itself: whoever writes it may be the guest.
 */
import { type Kind } from "@holdfast/domain/reservations/ReservationFacts"

import { type Part } from "./Reading.ts"
import * as Text from "./Text.ts"

/** That the reservation was cancelled, or does not stand yet; undefined where no sentence says so. */
export const stateIn = (parts: ReadonlyArray<Part>): Extract<Kind, "cancelled" | "request_pending"> | undefined => {
  for (const { lines } of parts) {
    for (const line of lines.slice(0, maxLines)) {
      if (line.length > maxLength || !named.test(line)) continue
      for (const sentence of Text.fold(line).split(/[.;!?。！？](?:\s|$)/u)) {
        const plain = sentence.trim()
        if (supposed.test(plain)) continue
        if (cancelled.some((shape) => shape.test(plain))) return "cancelled"
        if (pending.some((shape) => shape.test(plain))) return "request_pending"
      }
    }
  }
  return undefined
}

const maxLines = 60
const maxLength = 300

const named = /booking|reserv|buchung|réserv|prenotazion|boeking/iu

/** What would be, were something else; or what may be done. */
const supposed =
  /(?<!\p{L})(?:if|in case|would|free of charge|without|wenn|falls|sofern|sollte|kostenlos|kostenfrei|si|en cas|sans frais|se(?! ha(?!\p{L}))|qualora|caso|als|indien|gratis|grátis)(?!\p{L})/u

/** A number or a name after the word for a reservation. */
const which = String.raw`(?: (?:[#n][^ ]{0,3} ?)?[\w#°-]*\d[\w-]*| (?:by|of|from|for|von|für|de|d'|di|da|para|per|pour|van|voor) [^,:]{2,40}?)?`

const en = String.raw`^(?:(?:this|the|your) )?(?:new )?(?:booking|reservation)${which} (?:is|was|has been|had been|has|isn't|wasn't|hasn't)(?: now| been| still| just| already| currently| only| yet)*`
const de = String.raw`^(?:diese|die|ihre|deine|eure) (?:neue )?(?:buchung|reservierung|buchungsanfrage)${which} (?:ist|wurde|war)(?: [^ ,:]{1,20}){0,4}?`
const fr = String.raw`^(?:cette|la|votre) (?:nouvelle )?réservation${which} (?:est|a été|n'est|n'a)(?: pas| encore| été| toujours)*`
const es = String.raw`^(?:esta|la|su|tu) (?:nueva )?reserva${which} (?:aún |todavía )?(?:está|fue|ha sido|se ha|no está|no ha sido|no fue|queda)(?: aún| todavía| ya)*`
const it = String.raw`^(?:questa|la|la sua|la tua) (?:nuova )?prenotazione${which} (?:è|è stata|non è|non è stata|resta)(?: ancora| stata)*`
const pt = String.raw`^(?:esta|a|a sua|sua) (?:nova )?reserva${which} (?:ainda )?(?:está|foi|não está|não foi|ficou)(?: ainda)*`
const nl = String.raw`^(?:deze|de|uw|je|jouw) (?:nieuwe )?(?:boeking|reservering)${which} (?:is|werd)(?: [^ ,:]{1,20}){0,4}?`

const shapes = (...texts: ReadonlyArray<string>) => texts.map((text) => new RegExp(text, "u"))

const cancelled = shapes(
  `${en} (?:cancell?ed|declined|rejected|withdrawn|deleted|expired|no longer)`,
  `^(?:the |your )?(?:guest|traveler|traveller|customer) (?:has |have )?cancell?ed (?:this|the|their|his|her|your) (?:booking|reservation)`,
  `${de} (?:storniert|abgelehnt|abgesagt|gelöscht|verfallen|abgelaufen|zurückgezogen)`,
  `${fr} (?:annulée|refusée|expirée|supprimée|rejetée)`,
  `${es} (?:cancelad|anulad|rechazad|eliminad|caducad)`,
  `${it} (?:cancellat|annullat|rifiutat|scadut|eliminat)`,
  `${pt} (?:cancelad|anulad|recusad|rejeitad|expirad|eliminad)`,
  `${nl} (?:geannuleerd|geweigerd|afgewezen|verlopen|verwijderd)`,
)

const pending = shapes(
  `${en} (?:not (?:yet )?(?:been )?(?:confirmed|guaranteed|final|accepted|approved|complete)|confirmed yet|unconfirmed|pending|awaiting|waiting for(?! you(?!\\p{L}))|on hold|tentative|provisional|incomplete)`,
  // `hasn't been confirmed`
  `^(?:(?:this|the|your) )?(?:booking|reservation)${which} (?:isn't|wasn't|hasn't)(?: yet| been| still)* (?:confirmed|accepted|approved|complete)`,
  `^(?:(?:this|the|your) )?(?:new )?(?:booking|reservation)${which} (?:needs|requires|awaits|must be|needs to be|has to be) (?:your |an? )?(?:approv|confirm|accept)`,
  `^please (?:accept|approve|confirm)(?: or (?:decline|reject))? (?:this|the) (?:new )?(?:booking|reservation)`,
  `${de} (?:noch nicht|nicht|unbestätigt|vorläufig|ausstehend)(?: bestätigt| verbindlich| angenommen| genehmigt)?$`,
  `${de} (?:noch nicht|nicht) (?:bestätigt|verbindlich|angenommen|genehmigt|garantiert)`,
  `^(?:diese|die|ihre|deine|eure) (?:neue )?(?:buchung|reservierung)${which} (?:wartet|muss noch|muss von)`,
  `^(?:cette|la|votre) (?:nouvelle )?réservation${which} (?:n'est pas(?: encore)?|n'a pas(?: encore)? été) (?:confirmée|validée|acceptée|garantie)`,
  `${fr} (?:en attente|à confirmer|à valider|provisoire)`,
  `^(?:cette|la|votre) (?:nouvelle )?réservation${which} (?:doit être|attend)`,
  `^(?:esta|la|su|tu) (?:nueva )?reserva${which} (?:aún |todavía )?no (?:está|ha sido|fue)(?: aún| todavía)? (?:confirmad|aceptad|aprobad|garantizad)`,
  `${es} (?:pendiente|a la espera|en espera|por confirmar|provisional)`,
  `^(?:questa|la|la sua|la tua) (?:nuova )?prenotazione${which} non è(?: ancora)?(?: stata)? (?:confermat|accettat|approvat|garantit)`,
  `${it} (?:in attesa|in sospeso|da confermare|provvisori)`,
  `^(?:esta|a|a sua|sua) (?:nova )?reserva${which} (?:ainda )?não (?:está|foi)(?: ainda)? (?:confirmad|aceit|aprovad|garantid)`,
  `${pt} (?:pendente|à espera|por confirmar|a aguardar|provisóri)`,
  `${nl} (?:nog niet|niet) (?:bevestigd|geaccepteerd|definitief|goedgekeurd)`,
  `${nl} (?:in afwachting|in behandeling|voorlopig)`,
  `^(?:deze|de|uw|je|jouw) (?:nieuwe )?(?:boeking|reservering)${which} wacht`,
)

/**
 * What a sentence of the body says became of the reservation: `This booking is not confirmed yet.` It contradicts a
 * subject that says otherwise, and says nothing by itself: whoever writes it may be the guest, whose words stand below a
 * heading of their own.
 */
import { type Kind } from "@holdfast/domain/reservations/ReservationFacts"

import { type Part } from "./Reading.ts"
import * as Text from "./Text.ts"

/** That the reservation was cancelled, or does not stand yet; undefined where no sentence says so. */
export const stateIn = (parts: ReadonlyArray<Part>): Extract<Kind, "cancelled" | "request_pending"> | undefined => {
  for (const { lines } of parts) {
    for (const [index, line] of lines.slice(0, maxLines).entries()) {
      if (index >= titles && headsMessage(line)) break
      if (line.length > maxLength || !named.test(line)) continue
      for (const sentence of Text.fold(line).split(/[.;!?。！？](?:\s|$)/u)) {
        const plain = sentence.trim()
        if (yetToCome.some((shape) => shape.test(plain))) return "request_pending"
        if (supposed.test(plain)) continue
        if (cancelled.some((shape) => shape.test(plain))) return "cancelled"
        if (pending.some((shape) => shape.test(plain))) return "request_pending"
      }
    }
  }
  return undefined
}

/** In the first lines of all, whoever writes the mail may have a message of their own. */
const titles = 3

/** What follows `Message from traveler:`, or stands beside `Comments`, is the guest's. */
const headsMessage = (line: string): boolean => {
  const colon = line.slice(0, 60).search(/[:：]/u)
  const label = colon < 0 ? line : line.slice(0, colon)
  return label.length <= 60 && messageHeadings.test(Text.fold(label.replaceAll("*", "").trim()))
}

const messageHeadings = new RegExp(
  String.raw`^(?:${[
    String.raw`(?:(?:the )?(?:guest|traveler|traveller|customer)(?:'?s|s')? |your )?(?:messages?|comments?|notes|remarks?|requests|special requests?)(?: (?:from|by|of) [^:]{1,40})?`,
    String.raw`[^ :]{1,30}(?: [^ :]{1,30})? (?:wrote|says|writes)`,
    "(?:gast)?(?:nachricht|mitteilung|kommentar|bemerkung|anmerkung)(?:en|e)?(?: (?:von|des|vom|der) [^:]{1,40})?|(?:sonder)?w(?:u|ü)nsche?(?: [^:]{1,40})?",
    "(?:messages?|commentaires?|remarques?|notes|demandes? (?:spéciales?|particulières?))(?: (?:de|du|des) [^:]{1,40})?",
    "(?:mensajes?|comentarios?|observaciones|notas|peticiones(?: especiales)?)(?: (?:de|del) [^:]{1,40})?",
    "(?:messaggi[oi]?|comment[oi]|osservazioni|richieste(?: speciali| particolari)?)(?: (?:di|del|dell'|da) ?[^:]{1,40})?",
    "(?:mensage(?:m|ns)|comentários?|observações|pedidos especiais)(?: (?:de|do|da) [^:]{1,40})?",
    "(?:bericht(?:en)?|opmerking(?:en)?|verzoeken)(?: (?:van|door) [^:]{1,40})?",
  ].join("|")})$`,
  "u",
)

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

/** `The booking will be confirmed once the deposit is paid`: whatever it depends on, it does not stand yet. */
const yetToCome = shapes(
  `^(?:(?:this|the|your) )?(?:new )?(?:booking|reservation)${which} (?:(?:can|shall)(?: only| not)? (?:be|become)|is only|is not) (?:confirmed|guaranteed|final|valid|complete)(?: only)? (?:once|when|after|if|as soon as|upon|on receipt|until|unless)(?!\\p{L})`,
  `^(?:(?:this|the|your) )?(?:new )?(?:booking|reservation)${which} (?:will (?:only |not )?be|becomes) (?:confirmed|guaranteed|final|valid)`,
  `^(?:diese|die|ihre|deine|eure) (?:neue )?(?:buchung|reservierung)${which} (?:(?:wird|gilt) (?:sobald|nach|nur|bei (?:eingang|zahlung|erhalt))|(?:wird|gilt|ist) (?:erst|nur nach|nur bei|vorbehaltlich))(?!\\p{L}).{0,100}(?:bestätigt|verbindlich|garantiert|gültig|angenommen)`,
  `^(?:diese|die|ihre|deine|eure) (?:neue )?(?:buchung|reservierung)${which} wird (?:bestätigt|verbindlich|gültig),? (?:sobald|wenn|nachdem|nach)(?!\\p{L})`,
  `^(?:cette|la|votre) (?:nouvelle )?réservation${which} (?:ne )?(?:sera|deviendra) (?:confirmée|validée|définitive|garantie|effective)`,
  `^(?:esta|la|su|tu) (?:nueva )?reserva${which} (?:no )?(?:se confirmará|será confirmada|quedará confirmada|se hará efectiva|estará confirmada)`,
  `^(?:questa|la|la sua|la tua) (?:nuova )?prenotazione${which} (?:non )?(?:sarà|verrà|diventerà) (?:confermata|definitiva|garantita|valida)`,
  `^(?:esta|a|a sua|sua) (?:nova )?reserva${which} (?:só |não )?(?:será|ficará) (?:confirmada|garantida|definitiva|válida)`,
  `^(?:deze|de|uw|je|jouw) (?:nieuwe )?(?:boeking|reservering)${which} (?:wordt (?:pas|zodra|na|alleen)|is pas)(?!\\p{L}).{0,100}(?:bevestigd|definitief|geldig)`,
)

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
  `^(?:please |(?:please note (?:that )?)?you (?:still )?(?:must|need to|have to) )?(?:accept|approve|confirm)(?: or (?:decline|reject))? (?:this|the) (?:new )?(?:booking|reservation)(?! (?:details|page|number))`,
  `^(?:this|it) is (?:(?:only|just|merely|still) )*(?:an? )?(?:new )?(?:provisional|tentative|pending|preliminary|unconfirmed|(?:booking |reservation )?(?:request|enquiry|inquiry|option)(?!\\p{L}))`,
  `^(?:this|it) is not (?:yet )?(?:an? )?(?:confirmed |final |guaranteed )?(?:booking|reservation)(?!\\p{L})`,
  `${de} (?:noch nicht|nicht|unbestätigt|vorläufig|ausstehend)(?: bestätigt| verbindlich| angenommen| genehmigt)?$`,
  `${de} (?:noch nicht|nicht) (?:bestätigt|verbindlich|angenommen|genehmigt|garantiert)`,
  `^(?:diese|die|ihre|deine|eure) (?:neue )?(?:buchung|reservierung)${which} (?:wartet|muss noch|muss von)`,
  `^(?:bitte )?(?:bestätigen|bestätige|akzeptieren|akzeptiere|genehmigen|genehmige)(?: sie)?(?: bitte)? (?:diese|die) (?:neue )?(?:buchung|reservierung)(?!\\p{L})`,
  `^(?:bitte )?(?:nehmen sie|nimm)(?: bitte)? (?:diese|die) (?:neue )?(?:buchung|reservierung) .{0,60}(?<!\\p{L})an(?!\\p{L})`,
  `^(?:sie müssen|du musst) (?:diese|die) (?:neue )?(?:buchung|reservierung) .{0,60}(?:bestätigen|annehmen|akzeptieren|genehmigen|ablehnen)`,
  `^(?:dies|das|es) ist (?:(?:nur|lediglich|bloß|noch|erst) )*eine (?:(?:neue|reine|unverbindliche) )?(?:buchungs|reservierungs)?(?:anfrage|option)(?!\\p{L})`,
  `^(?:dies|das|es) ist (?:(?:nur|lediglich|bloß|noch|erst) )*(?:eine (?:vorläufige|unbestätigte|unverbindliche|provisorische)|(?:noch )?keine(?: (?:bestätigte|verbindliche|feste))?) (?:buchung|reservierung)(?!\\p{L})`,
  `^(?:(?:veuillez|merci de|vous devez) (?:confirmer|accepter|valider|approuver)|confirmez|acceptez|validez)(?: ou (?:de )?refuser)? (?:cette|la) (?:nouvelle )?réservation`,
  `^(?:ceci|ce|il) (?:est|n'est|s'agit)(?: pas)?(?: encore)?(?: seulement| uniquement)? (?:d'|que d'|qu')?une (?:simple |nouvelle )?(?:demande de réservation|demande|option|réservation (?:provisoire|à confirmer|non confirmée))(?!\\p{L})`,
  `^(?:ceci|ce) n'est pas(?: encore)? une réservation`,
  `^(?:por favor,? )?(?:(?:debes?|tienes que|tiene que) )?(?:confirm(?:a|e|ar)|acept(?:a|e|ar)|apr(?:ueba|uebe|obar)) (?:o rech[a-z]+ )?(?:esta|la) (?:nueva )?reserva(?!\\p{L})`,
  `^est[ao] es(?: solo| sólo| solamente)? una (?:reserva (?:provisional|pendiente|sin confirmar|por confirmar)|solicitud|petición|opción)`,
  `^est[ao] (?:aún |todavía )?no es(?: aún| todavía)? una reserva`,
  `^(?:per favore,? |la preghiamo di |si prega di |(?:devi|deve) )?(?:conferm(?:a|i|are)|accett(?:a|i|are)|approv(?:a|i|are)) (?:o rifiut[a-z]+ )?(?:questa|la) (?:nuova )?prenotazione(?!\\p{L})`,
  `^(?:questa|questo|si tratta) (?:è|di)(?: solo| soltanto| ancora)* una (?:prenotazione (?:provvisoria|da confermare|in attesa)|richiesta|opzione)`,
  `^(?:questa|questo) non è(?: ancora)? una prenotazione`,
  `^(?:por favor,? )?(?:deve |tem de |tem que )?(?:confirm(?:e|a|ar)|aceit(?:e|a|ar)|aprov(?:e|a|ar)) (?:ou recus[a-z]+ )?(?:esta|a) (?:nova )?reserva(?!\\p{L})`,
  `^(?:esta|isto|este) é(?: apenas| só| somente| ainda)* (?:uma (?:reserva (?:provisória|pendente|por confirmar)|solicitação|opção)|um pedido)`,
  `^(?:esta|isto) (?:ainda )?não é(?: ainda)? uma reserva`,
  `^(?:gelieve (?:deze|de) (?:nieuwe )?(?:boeking|reservering) .{0,60}te (?:bevestigen|accepteren)|(?:bevestig|accepteer)(?: alstublieft| aub)? (?:deze|de) (?:nieuwe )?(?:boeking|reservering))`,
  `^dit is (?:(?:slechts|maar|alleen|nog) )*een (?:aanvraag|boekingsaanvraag|reserveringsaanvraag|optie|(?:voorlopige|onbevestigde) (?:boeking|reservering))(?!\\p{L})`,
  `^dit is (?:nog )?geen (?:bevestigde |definitieve )?(?:boeking|reservering)(?!\\p{L})`,
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

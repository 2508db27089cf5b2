/** The words that stand before values in mails, by what they are the label of and by language. */

export const fields = [
  "checkIn",
  "checkOut",
  "dates",
  "guests",
  "code",
  "guestName",
  "guest",
  "rooms",
  "listing",
  "status",
] as const
/** `guest` may be followed by who comes or by how many. */
export type Field = (typeof fields)[number]

/** Separated by `|`; spaces, hyphens, dots and apostrophes do not matter. */
export const labels: Readonly<Record<string, Readonly<Partial<Record<Field, string>>>>> = {
  en: {
    checkIn:
      "check-in|check in date|check-in date|checkin|arrival|arrival date|arrive|arrives|arriving|from|start date|check-in day",
    checkOut:
      "check-out|checkout|check-out date|checkout date|check out date|departure|departure date|depart|departs|departing|until|end date|leaving|leaves",
    dates: "dates|your dates|stay dates|stay|dates of stay|reservation dates|booking dates|trip dates|travel dates",
    guests:
      "guests|number of guests|guest count|party size|occupancy|travelers|travellers|total guests|party|group size|total number of guests|no of guests|guest total|number of people|number of persons|no of people|no of persons|persons|pax",
    guest: "guest|traveler|traveller",
    guestName:
      "guest name|traveler name|traveller name|name|guest's name|booker name|booked by|guest details|name of guest|primary guest|lead guest|customer name|main guest|booker",
    code: "confirmation code|confirmation number|reservation id|reservation number|reservation code|booking number|booking id|booking code|booking reference|reference|reference number|reservation|booking no|booking|reservation no|confirmation no|reservation ref|confirmation|booking ref|reservation reference",
    rooms: "rooms|number of rooms|units|number of units|room count",
    listing: "property id|listing id|property|listing",
  },
  fr: {
    checkIn: "arrivée|date d'arrivée|date arrivée|arrivée le|du",
    checkOut: "départ|date de départ|départ le|au",
    dates: "dates|dates du séjour|séjour|dates de séjour|dates de la réservation",
    guests:
      "voyageurs|nombre de voyageurs|nombre total de voyageurs|nombre total de personnes|nombre total de clients|total clients|total des clients|nombre d'invités|total voyageurs|total des voyageurs|personnes|nombre de personnes|nombre de clients|clients|hôtes|occupants|invités",
    guest: "voyageur|client|vacancier|invité",
    guestName:
      "nom du voyageur|nom du client|nom|nom de l'hôte|nom du vacancier|réservé par|nom du voyageur principal|nom de l'invité|nom du titulaire",
    code: "code de confirmation|numéro de confirmation|numéro de réservation|n° de réservation|code de réservation|référence|réservation n°|référence de réservation|id de réservation|n° de confirmation|identifiant de réservation|réf. de réservation|code de confirmation de la réservation",
    rooms: "chambres|nombre de chambres|hébergements|nombre d'hébergements",
    listing: "annonce|numéro de l'annonce|hébergement|propriété",
  },
  de: {
    checkIn: "check-in|anreise|anreisedatum|ankunft|ankunftsdatum|anreisetag|check-in-datum|von",
    checkOut: "check-out|checkout|abreise|abreisedatum|abreisetag|check-out-datum|bis",
    dates:
      "reisedaten|daten|zeitraum|aufenthalt|reisezeitraum|termine|datum|buchungszeitraum|aufenthaltsdaten|aufenthaltszeitraum",
    guests:
      "gäste|anzahl der gäste|gästeanzahl|personen|anzahl personen|reisende|anzahl gäste|gästezahl|anzahl der personen|personenzahl|gäste insgesamt|gesamtzahl der gäste|gesamtzahl gäste|gäste gesamt|personen insgesamt|gesamtzahl der personen",
    guest: "gast|reisender",
    guestName:
      "name des gastes|gastname|name|name des reisenden|gebucht von|name des hauptgastes|reisender name|name des buchers|name urlauber|name des urlaubers",
    code: "bestätigungscode|bestätigungs-code|buchungscode|buchungsnummer|reservierungsnummer|reservierungsnr|reservierungs-nr|reservierungs-id|buchungsnr|buchungs-nr|reservierungscode|bestätigungsnummer|referenz|buchungsreferenz|buchungs-id",
    rooms: "zimmer|anzahl zimmer|anzahl der zimmer|einheiten|zimmeranzahl|zimmerzahl",
    listing: "unterkunft|inserat|objektnummer|objekt|inseratsnummer",
  },
  es: {
    checkIn: "llegada|fecha de llegada|entrada|fecha de entrada|check-in|desde|día de llegada",
    checkOut: "salida|fecha de salida|check-out|checkout|hasta|día de salida",
    dates: "fechas|fechas de la estancia|fechas de estancia|estancia|fechas de la reserva",
    guests:
      "huéspedes|número de huéspedes|viajeros|personas|número de personas|n.º de huéspedes|número de viajeros|ocupantes|total de huéspedes|número total de huéspedes|número total de personas|cantidad de huéspedes|número de ocupantes",
    guest: "huésped|viajero|cliente",
    guestName:
      "nombre del huésped|nombre del viajero|nombre|nombre del cliente|reservado por|huésped principal|nombre y apellidos",
    code: "código de confirmación|número de confirmación|número de reserva|nº de reserva|n.º de reserva|código de reserva|referencia|referencia de la reserva|id de reserva|id de la reserva|código de la reserva|número de la reserva|localizador|número de reservación",
    rooms: "habitaciones|número de habitaciones|unidades",
    listing: "alojamiento|anuncio|propiedad",
  },
  it: {
    checkIn: "check-in|arrivo|data di arrivo|data arrivo|dal|data del check-in|data di check-in",
    checkOut: "check-out|checkout|partenza|data di partenza|data partenza|al|data del check-out|data di check-out",
    dates: "date|date del soggiorno|soggiorno|periodo|date di soggiorno|date della prenotazione|date di viaggio",
    guests:
      "ospiti|numero di ospiti|persone|numero di persone|viaggiatori|numero ospiti|numero di viaggiatori|numero degli ospiti|totale ospiti|ospiti totali|totale persone|totale degli ospiti|numero totale di ospiti|numero totale degli ospiti|numero persone",
    guest: "ospite|viaggiatore|cliente",
    guestName:
      "nome dell'ospite|nome ospite|nome del viaggiatore|nome viaggiatore|nome|nome del cliente|prenotato da|ospite principale|nome e cognome",
    code: "codice di conferma|numero di conferma|numero di prenotazione|codice di prenotazione|codice prenotazione|numero prenotazione|n. prenotazione|riferimento|id prenotazione|id della prenotazione|n. di prenotazione|numero della prenotazione|id di prenotazione|codice della prenotazione|riferimento prenotazione",
    rooms: "camere|numero di camere|unità|stanze",
    listing: "annuncio|alloggio|struttura",
  },
  pt: {
    checkIn: "check-in|chegada|data de chegada|data de check-in|entrada|data de entrada|data do check-in",
    checkOut: "check-out|checkout|saída|partida|data de saída|data de partida|data de check-out|data do check-out",
    dates: "datas|datas da estadia|estadia|período|datas da reserva|datas de estadia",
    guests:
      "hóspedes|número de hóspedes|viajantes|pessoas|número de pessoas|total de hóspedes|nº de hóspedes|n.º de hóspedes|número total de hóspedes|total de pessoas|quantidade de hóspedes",
    guest: "hóspede|viajante|cliente",
    guestName: "nome do hóspede|nome do viajante|nome|nome do cliente|reservado por|hóspede principal|nome completo",
    code: "código de confirmação|número de confirmação|número da reserva|número de reserva|código da reserva|código de reserva|referência|id da reserva|id de reserva|n.º da reserva|nº da reserva|referência da reserva",
    rooms: "quartos|número de quartos|unidades",
    listing: "anúncio|alojamento|propriedade|acomodação",
  },
  nl: {
    checkIn: "inchecken|check-in|aankomst|aankomstdatum|incheckdatum|van|datum van aankomst|inchecken op",
    checkOut: "uitchecken|check-out|checkout|vertrek|vertrekdatum|uitcheckdatum|tot|datum van vertrek|uitchecken op",
    dates: "data|datums|verblijf|verblijfsdata|periode|verblijfsperiode|reisdata|reisdatums",
    guests:
      "gasten|aantal gasten|reizigers|aantal reizigers|personen|aantal personen|totaal aantal gasten|totaal aantal personen",
    guest: "gast|reiziger",
    guestName:
      "naam van gast|naam gast|naam van de gast|naam|naam reiziger|naam van reiziger|naam van de reiziger|geboekt door|gastnaam|hoofdgast",
    code: "bevestigingscode|bevestigingsnummer|reserveringsnummer|boekingsnummer|reserveringscode|boekingscode|referentie|reserverings-id|reserveringsnr|boekingsnr|boekingsreferentie|reservering-id|boekings-id|referentienummer|reserverings id",
    rooms: "kamers|aantal kamers|eenheden",
    listing: "advertentie|accommodatie|woning",
  },
  pl: {
    checkIn: "zameldowanie|przyjazd|data przyjazdu|check-in|data zameldowania|od|dzień przyjazdu|początek pobytu",
    checkOut: "wymeldowanie|wyjazd|data wyjazdu|check-out|data wymeldowania|do|dzień wyjazdu|koniec pobytu",
    dates: "daty|termin|daty pobytu|pobyt|termin pobytu|okres pobytu|terminy",
    guests:
      "goście|liczba gości|osoby|liczba osób|podróżni|liczba podróżnych|gości|łączna liczba gości|łączna liczba osób|ilość osób|ilość gości",
    guest: "gość|podróżny",
    guestName:
      "imię i nazwisko|imię i nazwisko gościa|nazwisko gościa|imię gościa|nazwa gościa|zarezerwowane przez|rezerwujący|dane gościa|imię i nazwisko podróżnego",
    code: "kod potwierdzenia|numer potwierdzenia|numer rezerwacji|nr rezerwacji|kod rezerwacji|identyfikator rezerwacji|id rezerwacji|kod potwierdzający",
    rooms: "pokoje|liczba pokoi|liczba pokojów",
    listing: "oferta|obiekt|nieruchomość",
  },
  cs: {
    checkIn: "příjezd|datum příjezdu|check-in|přihlášení|nástup|ubytování od|den příjezdu|od|příchod",
    checkOut: "odjezd|datum odjezdu|check-out|odhlášení|ubytování do|den odjezdu|do|odchod",
    dates: "termín|termín pobytu|data|data pobytu|datum pobytu|pobyt|termíny",
    guests:
      "hosté|počet hostů|celkový počet hostů|celkem hostů|celkový počet osob|osoby|počet osob|cestující|počet cestujících",
    guest: "host|cestující|cestovatel",
    guestName:
      "jméno hosta|jméno|jméno cestujícího|jméno a příjmení|rezervoval|rezervoval(a)|hlavní host|jméno cestovatele",
    code: "potvrzovací kód|kód potvrzení|číslo rezervace|č. rezervace|kód rezervace|rezervační kód|id rezervace|číslo potvrzení|rezervace č",
    rooms: "pokoje|počet pokojů|jednotky",
    listing: "inzerát|nabídka|ubytování|nemovitost",
  },
  sk: {
    checkIn: "príchod|dátum príchodu|check-in|prihlásenie|nástup",
    checkOut: "odchod|dátum odchodu|check-out|odhlásenie",
    dates: "termín|termín pobytu|dátumy|pobyt",
    guests: "hostia|počet hostí|celkový počet hostí|osoby|počet osôb|celkový počet osôb",
    guest: "hosť",
    guestName: "meno hosťa|meno|meno a priezvisko",
    code: "potvrdzovací kód|číslo rezervácie|kód rezervácie|id rezervácie",
    rooms: "izby|počet izieb",
  },
  hr: {
    checkIn: "prijava|dolazak|datum dolaska|check-in|datum prijave|dan dolaska|od",
    checkOut: "odjava|odlazak|datum odlaska|check-out|datum odjave|dan odlaska|do",
    dates: "datumi|termin|datumi boravka|boravak|datum boravka|razdoblje|razdoblje boravka",
    guests:
      "gosti|broj gostiju|osobe|broj osoba|putnici|broj putnika|ukupan broj gostiju|ukupno gostiju|ukupan broj osoba",
    guest: "gost|putnik",
    guestName:
      "ime gosta|ime i prezime|ime|ime putnika|rezervirao|rezervirao/la|ime i prezime gosta|nositelj rezervacije",
    code: "potvrdni kod|potvrdni kôd|kôd potvrde|kod potvrde|broj rezervacije|kod rezervacije|šifra rezervacije|id rezervacije|br rezervacije|broj potvrde|kôd rezervacije|kôd za potvrdu|kod za potvrdu|šifra potvrde",
    rooms: "sobe|broj soba|jedinice|broj jedinica",
    listing: "oglas|smještaj|objekt",
  },
  sl: {
    checkIn: "prijava|prihod|datum prihoda",
    checkOut: "odjava|odhod|datum odhoda",
    dates: "datumi|termin|bivanje",
    guests: "gostje|število gostov|skupno število gostov|osebe|število oseb",
    guest: "gost",
    guestName: "ime gosta|ime in priimek|ime",
    code: "potrditvena koda|številka rezervacije|koda rezervacije",
    rooms: "sobe|število sob",
  },
  sv: {
    checkIn: "incheckning|ankomst|ankomstdatum|check-in|incheckningsdatum|ankomstdag|från",
    checkOut: "utcheckning|avresa|avresedatum|check-out|utcheckningsdatum|avresedag|till",
    dates: "datum|vistelse|datum för vistelsen|vistelsedatum|resdatum|period|vistelseperiod",
    guests: "gäster|antal gäster|personer|antal personer|resenärer|antal resenärer|totalt antal gäster",
    guest: "gäst|resenär",
    guestName:
      "gästens namn|gästnamn|namn|resenärens namn|namn på gäst|bokat av|bokad av|namn på gästen|namn på resenären",
    code: "bekräftelsekod|bokningskod|bokningsnummer|bekräftelsenummer|reservationsnummer|boknings-id|reservations-id|bokningsreferens|referens|bokningsnr",
    rooms: "rum|antal rum|enheter",
    listing: "annons|boende|objekt",
  },
  da: {
    checkIn: "indtjekning|ankomst|ankomstdato|check-in|indtjekningsdato|ankomstdag|tjek ind|fra",
    checkOut: "udtjekning|afrejse|afrejsedato|check-out|udtjekningsdato|udrejse|afrejsedag|tjek ud|til",
    dates: "datoer|ophold|opholdsdatoer|dato|datoer for ophold|periode|opholdsperiode|rejsedatoer",
    guests: "gæster|antal gæster|personer|antal personer|rejsende|antal rejsende|samlet antal gæster|gæster i alt",
    guest: "gæst|rejsende",
    guestName:
      "gæstens navn|gæstenavn|navn|den rejsendes navn|rejsendes navn|navn på gæst|booket af|navn på gæsten|navn på rejsende",
    code: "bekræftelseskode|bookingnummer|reservationsnummer|bekræftelsesnummer|reservationskode|bookingkode|reservations-id|bookingreference|reference|reservationsnr|booking-id|bookingnr",
    rooms: "værelser|antal værelser|enheder",
    listing: "opslag|bolig|ejendom",
  },
  nb: {
    checkIn: "innsjekking|ankomst|ankomstdato|check-in|innsjekk|innsjekkingsdato",
    checkOut: "utsjekking|avreise|avreisedato|check-out|utsjekk|utsjekkingsdato",
    dates: "datoer|opphold|datoer for oppholdet|oppholdsdatoer",
    guests: "gjester|antall gjester|personer|antall personer|reisende|antall reisende|totalt antall gjester",
    guest: "gjest|reisende",
    guestName: "gjestens navn|navn|navn på gjest|gjestenavn|bestilt av|navn på reisende|den reisendes navn",
    code: "bekreftelseskode|bekreftelsesnummer|bestillingsnummer|reservasjonsnummer|reservasjonskode|bestillingskode|bookingnummer|reservasjons-id",
    rooms: "rom|antall rom",
  },
  fi: {
    checkIn:
      "sisäänkirjautuminen|saapuminen|tulopäivä|saapumispäivä|check-in|tulo|sisäänkirjautumispäivä|sisäänkirjaus",
    checkOut: "uloskirjautuminen|lähtö|lähtöpäivä|check-out|uloskirjautumispäivä|uloskirjaus",
    dates:
      "päivämäärät|ajankohta|oleskelu|majoituspäivät|päivät|oleskelun ajankohta|oleskelun päivämäärät|ajanjakso|matkapäivät",
    guests:
      "vieraat|vieraiden määrä|henkilöt|henkilömäärä|vieraita|matkustajat|matkustajien määrä|vierasmäärä|henkilöitä|vieraita yhteensä|vieraiden kokonaismäärä",
    guest: "vieras|matkustaja|majoittuja",
    guestName: "vieraan nimi|nimi|matkustajan nimi|varaajan nimi|varaaja|majoittujan nimi|asiakkaan nimi",
    code: "vahvistuskoodi|varausnumero|varauskoodi|varaustunnus|vahvistusnumero|varaustunniste|varausviite|varauksen numero|varauksen tunnus",
    rooms: "huoneet|huoneiden määrä|huonemäärä",
    listing: "ilmoitus|majoituspaikka|kohde",
  },
  hu: {
    checkIn: "bejelentkezés|érkezés|érkezés napja|érkezés dátuma|check-in|bejelentkezés napja|bejelentkezés dátuma",
    checkOut:
      "kijelentkezés|távozás|távozás napja|távozás dátuma|elutazás|utazás napja|check-out|elutazás napja|elutazás dátuma|kijelentkezés napja|kijelentkezés dátuma",
    dates:
      "dátumok|időpont|időpontok|tartózkodás|tartózkodás ideje|időszak|tartózkodás dátumai|dátum|foglalás dátumai|tartózkodás időtartama",
    guests:
      "vendégek|vendégek száma|személyek|személyek száma|vendégszám|fő|létszám|utazók|utazók száma|vendégek teljes száma|összes vendég",
    guest: "vendég|utazó",
    guestName: "vendég neve|név|a vendég neve|utazó neve|foglaló neve|az utazó neve|foglaló|foglalta",
    code: "visszaigazoló kód|megerősítő kód|foglalási szám|foglalás száma|foglalási kód|foglalási azonosító|visszaigazolási kód|visszaigazoló szám|megerősítő szám|foglalás azonosítója|megerősítési kód|foglalásazonosító|visszaigazolási szám|foglalási hivatkozás",
    rooms: "szobák|szobák száma",
    listing: "hirdetés|szállás|ingatlan",
  },
  ro: {
    checkIn: "check-in|sosire|data sosirii|data de sosire|data check-in|intrare|data check-in-ului|data de check-in",
    checkOut:
      "check-out|checkout|plecare|data plecării|data de plecare|data check-out|ieșire|data check-out-ului|data de check-out",
    dates:
      "date|datele sejurului|sejur|perioadă|perioada|datele șederii|perioada sejurului|datele rezervării|datele călătoriei",
    guests:
      "oaspeți|număr de oaspeți|numărul de oaspeți|persoane|număr de persoane|călători|numărul oaspeților|numărul de persoane|număr oaspeți|numărul călătorilor|numărul total de oaspeți|total oaspeți",
    guest: "oaspete|călător|turist",
    guestName:
      "numele oaspetelui|nume oaspete|nume|numele călătorului|rezervat de|nume și prenume|numele clientului|nume călător|oaspete principal",
    code: "cod de confirmare|codul de confirmare|număr de confirmare|număr de rezervare|numărul rezervării|numărul de rezervare|codul rezervării|cod de rezervare|cod rezervare|id rezervare|id-ul rezervării|număr rezervare|nr rezervare|nr de rezervare|referința rezervării|cod confirmare|referință|numărul de confirmare",
    rooms: "camere|număr de camere|numărul de camere|unități",
    listing: "anunț|proprietate|cazare",
  },
  bg: {
    checkIn: "настаняване|пристигане|дата на пристигане|дата на настаняване",
    checkOut: "напускане|заминаване|дата на напускане|дата на заминаване|освобождаване",
    dates: "дати|престой|период",
    guests: "гости|брой гости|общ брой гости|хора|брой хора",
    guest: "гост",
    guestName: "име на госта|име|име на гост",
    code: "код за потвърждение|номер на резервация|номер на резервацията|код на резервацията|номер за потвърждение",
    rooms: "стаи|брой стаи",
  },
  el: {
    checkIn: "άφιξη|check-in|ημερομηνία άφιξης|ημέρα άφιξης|ημερομηνία check-in",
    checkOut: "αναχώρηση|check-out|checkout|ημερομηνία αναχώρησης|ημέρα αναχώρησης|ημερομηνία check-out",
    dates:
      "ημερομηνίες|διαμονή|ημερομηνίες διαμονής|διάστημα|περίοδος|περίοδος διαμονής|ημερομηνίες κράτησης|ημερομηνίες ταξιδιού",
    guests:
      "επισκέπτες|αριθμός επισκεπτών|άτομα|αριθμός ατόμων|ταξιδιώτες|αριθμός ταξιδιωτών|πελάτες|συνολικός αριθμός επισκεπτών|σύνολο επισκεπτών",
    guest: "επισκέπτης|ταξιδιώτης|πελάτης",
    guestName:
      "όνομα επισκέπτη|όνομα|ονοματεπώνυμο|όνομα ταξιδιώτη|κράτηση από|όνομα πελάτη|ονοματεπώνυμο επισκέπτη|κύριος επισκέπτης",
    code: "κωδικός επιβεβαίωσης|αριθμός επιβεβαίωσης|αριθμός κράτησης|κωδικός κράτησης|αναγνωριστικό κράτησης|id κράτησης|αρ κράτησης",
    rooms: "δωμάτια|αριθμός δωματίων",
    listing: "καταχώριση|κατάλυμα|ακίνητο",
  },
  tr: {
    checkIn: "giriş|giriş tarihi|check-in|varış|varış tarihi|geliş|geliş tarihi",
    checkOut: "çıkış|çıkış tarihi|check-out|ayrılış|ayrılış tarihi|gidiş|gidiş tarihi",
    dates: "tarihler|konaklama|konaklama tarihleri|tarih|rezervasyon tarihleri|seyahat tarihleri|tarih aralığı",
    guests:
      "misafirler|misafir sayısı|konuklar|kişi sayısı|kişiler|konuk sayısı|misafir|yolcular|seyahat edenler|gezginler|gezgin sayısı|yolcu sayısı|toplam misafir sayısı|toplam konuk sayısı",
    guest: "misafir|konuk|gezgin|yolcu",
    guestName:
      "misafir adı|misafirin adı|konuk adı|ad|ad soyad|adı soyadı|misafir adı soyadı|gezgin adı|seyahat edenin adı|rezervasyonu yapan|i̇sim|isim|konuğun adı|yolcu adı|müşteri adı|gezginin adı",
    code: "onay kodu|onay numarası|rezervasyon numarası|rezervasyon kodu|rezervasyon no|rezervasyon kimliği|rezervasyon id|rezervasyon referansı",
    rooms: "odalar|oda sayısı",
    listing: "ilan|konut|tesis",
  },
  ru: {
    checkIn: "заезд|прибытие|дата заезда|дата прибытия|приезд|регистрация заезда",
    checkOut: "отъезд|выезд|дата отъезда|дата выезда",
    dates: "даты|даты проживания|период|проживание",
    guests: "гости|количество гостей|число гостей|общее количество гостей|всего гостей|люди|путешественники",
    guest: "гость|путешественник",
    guestName: "имя гостя|имя|фио|забронировал|имя путешественника",
    code: "код подтверждения|номер подтверждения|номер бронирования|код бронирования|идентификатор бронирования",
    rooms: "номера|количество номеров|комнаты",
  },
  uk: {
    checkIn: "заїзд|прибуття|дата заїзду|дата прибуття|приїзд",
    checkOut: "виїзд|від'їзд|дата виїзду|дата від'їзду",
    dates: "дати|дати проживання|період|проживання",
    guests: "гості|кількість гостей|загальна кількість гостей|усього гостей|особи|мандрівники",
    guest: "гість|мандрівник",
    guestName: "ім'я гостя|ім'я|прізвище гостя",
    code: "код підтвердження|номер підтвердження|номер бронювання|код бронювання",
    rooms: "номери|кількість номерів",
  },
  ja: {
    checkIn: "チェックイン|チェックイン日|到着|到着日|チェックイン日時|ご到着日|ご到着|宿泊開始日",
    checkOut: "チェックアウト|チェックアウト日|出発|出発日|チェックアウト日時|ご出発日|ご出発|宿泊終了日",
    dates: "日程|宿泊日程|滞在期間|宿泊日|滞在日程|期間|宿泊期間|ご宿泊日|予約日程|ご宿泊期間|日付",
    guests: "ゲスト|ゲスト数|人数|宿泊人数|ゲスト人数|宿泊者数|ご利用人数|旅行者数|旅行者|宿泊者|ご宿泊人数",
    guest: "ゲスト|旅行者|宿泊者",
    guestName:
      "ゲスト名|お名前|名前|氏名|宿泊者名|予約者|予約者名|旅行者名|ゲストの名前|ゲスト氏名|ゲストのお名前|旅行者の名前|ご予約者名|旅行者氏名|宿泊者氏名|お客様名",
    code: "確認コード|予約番号|予約コード|確認番号|予約id|コンファメーションコード|予約確認コード|予約確認番号|ご予約番号",
    rooms: "部屋数|室数|客室数",
    listing: "リスティング|物件|施設",
  },
  ko: {
    checkIn: "체크인|체크인 날짜|도착|도착일|입실|입실일|체크인 일자|도착 날짜|체크인 날짜|체크인일",
    checkOut: "체크아웃|체크아웃 날짜|출발|출발일|퇴실|퇴실일|체크아웃 일자|출발 날짜|체크아웃일",
    dates: "날짜|숙박 기간|일정|숙박 일정|기간|숙박일|여행 날짜|숙박 날짜|예약 날짜|투숙 기간",
    guests:
      "게스트|게스트 수|인원|인원수|투숙객|투숙객 수|숙박 인원|게스트 인원|여행자 수|여행자|투숙 인원|숙박객|숙박객 수|여행객 수|여행객",
    guest: "게스트|투숙객|여행자|여행객|숙박객",
    guestName:
      "게스트 이름|고객 이름|고객명|이름|성명|예약자|예약자명|투숙객 이름|예약자 이름|여행자 이름|게스트명|투숙객명|숙박객 이름|여행객 이름|투숙객 성명",
    code: "확인 코드|예약 번호|예약번호|예약 코드|확인코드|확정 코드|예약 확인 번호|예약 id|예약 확인 코드|확인 번호|예약 확정 코드",
    rooms: "객실 수|객실|방 개수",
    listing: "숙소|리스팅",
  },
  zh: {
    checkIn: "入住|入住日期|抵达|到达|入住时间|抵达日期|到店日期|到达日期|入住登记|到店|入住日|抵達|抵達日期|入住時間",
    checkOut: "退房|退房日期|离开|离店日期|离开日期|离店|退房时间|退房日|離開|離開日期|退房時間|離店日期",
    dates: "日期|住宿日期|行程|入住和退房|住宿时间|预订日期|行程日期|住宿期間|住宿期间|入住期间|旅行日期",
    guests:
      "房客|人数|房客人数|客人|旅客|旅客人数|客人数量|住客|入住人数|房客数|房客数量|住客人数|客人人数|人數|房客人數|旅客人數|宾客",
    guest: "房客|旅客|客人|住客",
    guestName:
      "房客姓名|客人姓名|姓名|旅客姓名|预订人|住客姓名|房客名字|客人姓名|预订人姓名|訂房人|預訂人|房客名称|旅客名字|入住人",
    code: "确认码|确认号|预订号|预订编号|订单号|订单编号|预订代码|确认代码|预定号|确认编号|確認碼|預訂編號|訂單編號|預訂代碼|预订id|预订确认码|预订码|確認代碼|預訂號碼|预订号码|确认号码|预订参考号|预订编码|訂房編號",
    rooms: "房间数|客房数|房间数量|间数",
    listing: "房源|物业",
  },
  th: {
    checkIn: "เช็คอิน|เช็กอิน|วันที่เช็คอิน|วันเช็คอิน|วันที่เข้าพัก|วันที่มาถึง|วันเช็กอิน|วันที่เช็กอิน|เดินทางถึง|วันเข้าพัก|มาถึง|วันที่เดินทางถึง",
    checkOut:
      "เช็คเอาท์|เช็กเอาต์|เช็คเอาต์|วันที่เช็คเอาท์|วันเช็คเอาท์|วันที่ออก|วันเช็กเอาต์|วันที่เช็กเอาต์|วันที่เช็คเอาต์|วันเช็คเอาต์|ออกเดินทาง|วันที่เดินทางกลับ|เช็กเอาท์|วันที่เช็กเอาท์|ออก|วันเดินทางกลับ",
    dates: "วันที่|วันที่เข้าพัก|ระยะเวลาเข้าพัก|การเข้าพัก|ช่วงวันที่|ช่วงเวลา|วันเข้าพัก|วันที่พัก",
    guests: "ผู้เข้าพัก|จำนวนผู้เข้าพัก|จำนวนคน|จำนวนผู้เดินทาง|แขก|จำนวนแขก|ผู้เดินทาง|จำนวนผู้พัก",
    guest: "ผู้เข้าพัก|แขก|ผู้เดินทาง",
    guestName: "ชื่อผู้เข้าพัก|ชื่อ|ชื่อแขก|ชื่อผู้จอง|ชื่อผู้เดินทาง|จองโดย|ชื่อ-นามสกุล|ผู้จอง",
    code: "รหัสยืนยัน|หมายเลขการจอง|รหัสการจอง|หมายเลขยืนยัน|รหัสยืนยันการจอง|หมายเลขยืนยันการจอง|เลขที่การจอง|เลขที่จอง",
    rooms: "จำนวนห้อง|ห้องพัก",
    listing: "ที่พัก|รายการที่พัก",
  },
  vi: {
    checkIn: "nhận phòng|ngày nhận phòng|check-in|ngày đến|đến|ngày check-in|thời gian nhận phòng",
    checkOut: "trả phòng|ngày trả phòng|check-out|ngày đi|đi|ngày check-out|thời gian trả phòng|rời đi|ngày rời đi",
    dates:
      "ngày|ngày ở|thời gian lưu trú|kỳ nghỉ|ngày lưu trú|thời gian|thời gian ở|khoảng thời gian|ngày tháng|ngày đi du lịch",
    guests: "khách|số khách|số lượng khách|số người|lượng khách|số lượng người|tổng số khách|du khách|số du khách",
    guest: "khách|du khách|khách hàng",
    guestName:
      "tên khách|tên khách hàng|họ tên|tên|họ và tên|người đặt|tên người đặt|tên du khách|tên của khách|khách chính|đặt bởi|khách đặt phòng",
    code: "mã xác nhận|mã đặt phòng|số đặt phòng|mã đặt chỗ|số xác nhận|mã số đặt phòng|mã xác nhận đặt phòng|số xác nhận đặt phòng|số hiệu đặt phòng",
    rooms: "số phòng|số lượng phòng",
    listing: "nhà/phòng cho thuê|chỗ ở|chỗ nghỉ",
  },
  id: {
    checkIn: "check-in|kedatangan|tanggal kedatangan|tanggal check-in",
    checkOut: "check-out|keberangkatan|tanggal keberangkatan|tanggal check-out",
    dates: "tanggal|tanggal menginap|masa inap",
    guests: "tamu|jumlah tamu|jumlah orang",
    guest: "tamu",
    guestName: "nama tamu|nama|dipesan oleh",
    code: "kode konfirmasi|nomor reservasi|nomor pemesanan|kode reservasi|kode pemesanan",
    rooms: "kamar|jumlah kamar",
  },
  he: {
    checkIn: "צ'ק-אין|הגעה|תאריך הגעה|כניסה",
    checkOut: "צ'ק-אאוט|עזיבה|תאריך עזיבה|יציאה",
    dates: "תאריכים|תאריכי השהייה",
    guests: "אורחים|מספר אורחים",
    guest: "אורח",
    guestName: "שם האורח|שם",
    code: "קוד אישור|מספר הזמנה|מספר אישור",
  },
  ar: {
    checkIn: "تسجيل الوصول|الوصول|تاريخ الوصول",
    checkOut: "تسجيل المغادرة|المغادرة|تاريخ المغادرة",
    dates: "التواريخ|تواريخ الإقامة",
    guests: "الضيوف|عدد الضيوف",
    guest: "الضيف",
    guestName: "اسم الضيف|الاسم",
    code: "رمز التأكيد|رقم الحجز|رقم التأكيد",
  },
}

/** Words for a name, whosever it is. */
export const vague: ReadonlySet<string> = new Set(
  "name|nom|nombre|nome|naam|namn|navn|nimi|név|jméno|meno|ime|nume|όνομα|ad|i̇sim|isim|имя|име|ім'я|名前|이름|姓名|ชื่อ|tên|nama|שם|الاسم".split(
    "|",
  ),
)

/** Words for the days of anything that lasts. */
export const prepositions: ReadonlySet<string> = new Set(
  "from|until|von|bis|du|au|desde|hasta|dal|al|van|tot|od|do".split("|"),
)

/** Words for the state of a booking. */
export const statuses: ReadonlySet<string> = new Set(
  (
    "status|booking status|reservation status|state|buchungsstatus|reservierungsstatus|status der buchung|statut|état|statut de la réservation|" +
    "estado|estado de la reserva|estado da reserva|stato|stato della prenotazione|stato prenotazione|boekingsstatus|status rezerwacji|" +
    "stav|stav rezervace|stav rezervácie|varauksen tila|állapot|foglalás állapota|κατάσταση|durum|rezervasyon durumu|статус|" +
    "статус бронирования|ステータス|予約状況|状态|預訂狀態|预订状态|狀態|상태|예약 상태|สถานะ|สถานะการจอง|trạng thái"
  ).split("|"),
)

/** Headings that stand beside these in tables, of what is not read. */
export const others =
  "booked on|booked|booking date|booked at|reserved on|created|created on|date|date booked|ordered|order date|" +
  "room|room type|room no|room number|unit|unit type|accommodation|apartment|cabin|house|villa|property name|" +
  "channel|source|platform|portal|agent|agency|status|state|type|rate|rate plan|plan|" +
  "total|total price|price|amount|paid|balance|payout|deposit|payment|payment due|due|due date|currency|fee|tax|taxes|commission|" +
  "nights|number of nights|length of stay|duration|phone|guest phone|telephone|mobile|email|e-mail|guest email|country|language|" +
  "invoice|invoice number|invoice no|order|order number|no|nr|id|#|notes|comments|cancel until|cancellation deadline|" +
  "pets|age|ages|alter|âge|edad|età|idade|leeftijd|wiek|" +
  "gebucht am|buchungsdatum|zimmer nr|zimmernummer|zimmertyp|wohnung|kanal|quelle|portal|preis|gesamt|gesamtpreis|betrag|" +
  "summe|bezahlt|anzahlung|zahlung|nächte|anzahl nächte|telefon|handy|land|sprache|rechnung|rechnungsnummer|bemerkungen|" +
  "réservé le|chambre|logement|canal|prix|prix total|montant|payé|acompte|paiement|nuits|téléphone|pays|langue|facture|statut|" +
  "reservado el|habitación|canal|precio|importe|pagado|pago|noches|teléfono|país|idioma|factura|estado|" +
  "prenotato il|camera|canale|prezzo|totale|importo|pagato|pagamento|notti|telefono|paese|lingua|fattura|stato|" +
  "reservado em|quarto|preço|valor|pagamento|noites|telefone|fatura|geboekt op|kamer|kanaal|prijs|totaal|bedrag|nachten|telefoon|" +
  "factuur|pokój|kanał|cena|kwota|razem|noce|pokoj|kanál|částka|celkem|noci|rum|kanal|pris|summa|belopp|nätter|værelse|beløb|nætter|" +
  "soba|cijena|iznos|ukupno|noćenja|huone|kanava|hinta|summa|yöt|szoba|csatorna|ár|összesen|éjszakák|cameră|preț|nopți|" +
  "δωμάτιο|τιμή|σύνολο|oda|kanal|fiyat|toplam|номер|цена|сумма|итого|ночей|кімната|ціна|部屋|料金|合計|泊数|객실|요금|합계|房间|价格|总价|晚数"

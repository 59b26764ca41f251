"""Texts of customers: short sentences in Dutch, German and English, by mood, without quotes and line breaks."""

from __future__ import annotations

# language (0 Dutch, 1 German, 2 English) → mood (0 angry, 1 neutral, 2 pleased)
VERBATIMS = (
    (
        ("Levering veel te laat en niemand belt terug.", "De accu is na drie maanden al kapot.",
         "Slechte service, ik kom niet meer.", "Remmen piepen en de werkplaats heeft geen tijd.",
         "Ik wacht al weken op mijn geld.", "Duur en toch kapot."),
        ("Prima, maar de wachttijd was lang.", "Fiets is goed, website is onduidelijk.", "Ging wel.",
         "Gewoon oké.", "Geen klachten, geen wauw.", "Afspraak maken kan makkelijker."),
        ("Geweldige fiets, ik rijd elke dag!", "Heel vriendelijk geholpen in de winkel.", "Snelle levering, top.",
         "Ik raad Veloheld iedereen aan.", "Onderhoud perfect uitgevoerd.", "Mijn beste aankoop in jaren."),
    ),
    (
        ("Lieferung viel zu spät und keiner ruft zurück.", "Der Akku ist nach drei Monaten kaputt.",
         "Schlechter Service, nie wieder.", "Die Bremsen quietschen und die Werkstatt hat keine Zeit.",
         "Ich warte seit Wochen auf mein Geld.", "Teuer und trotzdem defekt."),
        ("Ganz gut, aber die Wartezeit war lang.", "Rad gut, Webseite unübersichtlich.", "Ging so.", "In Ordnung.",
         "Keine Beschwerden, keine Begeisterung.", "Termine könnten einfacher sein."),
        ("Tolles Rad, ich fahre jeden Tag!", "Sehr freundlich beraten worden.", "Schnelle Lieferung, super.",
         "Ich empfehle Veloheld gerne weiter.", "Inspektion perfekt erledigt.", "Mein bester Kauf seit Jahren."),
    ),
    (
        ("Delivery far too late and nobody calls back.", "The battery died after three months.",
         "Poor service, never again.", "Brakes squeal and the workshop has no time.",
         "Still waiting for my refund.", "Expensive and broken."),
        ("Fine, but the wait was long.", "Good bike, confusing website.", "It was okay.", "Average.",
         "No complaints, nothing special.", "Booking could be easier."),
        ("Great bike, I ride it every day!", "Very friendly help in the store.", "Fast delivery, superb.",
         "I recommend Veloheld to everyone.", "Service done perfectly.", "My best purchase in years."),
    ),
)  # fmt: skip
CHAT = (
    ("Hallo, ik heb een vraag over mijn bestelling.", "Wanneer is mijn fiets klaar?", "Past deze tas op mijn fiets?",
     "De app toont een foutcode.", "Wat kost een onderhoudsbeurt?", "Kan ik mijn afspraak verzetten?"),
    ("Hallo, ich habe eine Frage zu meiner Bestellung.", "Wann ist mein Rad fertig?", "Passt diese Tasche an mein Rad?",
     "Die App zeigt einen Fehler an.", "Was kostet eine Inspektion?", "Kann ich meinen Termin verschieben?"),
    ("Hello, I have a question about my order.", "When is my bike ready?", "Does this bag fit my bike?",
     "The app shows a fault code.", "What does a service cost?", "Can I move my appointment?"),
)  # fmt: skip
CHAT_ANSWERS = (
    ("Goedendag, ik kijk het even voor u na.", "Dat is geregeld.", "Welke fiets heeft u?", "Fijne dag nog!"),
    ("Guten Tag, ich sehe kurz nach.", "Das ist erledigt.", "Welches Rad haben Sie?", "Einen schönen Tag noch!"),
    ("Good day, let me check.", "That has been arranged.", "Which bike do you have?", "Have a nice day!"),
)
SUBJECTS = (
    ("Accu defect", "Levering te laat", "Verkeerd artikel", "Rekening klopt niet", "Reparatie niet goed"),
    ("Akku defekt", "Lieferung zu spät", "Falscher Artikel", "Rechnung stimmt nicht", "Reparatur mangelhaft"),
    ("Battery broken", "Late delivery", "Wrong item", "Invoice is wrong", "Poor repair"),
)
LANGUAGES = ("nl", "de", "en")

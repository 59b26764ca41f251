"""Invented but plausible names, streets, towns: compact lists, most frequent first, for NL, DE and BE.

Frequencies follow Zipf's law over the order of the list. A long tail of rare family names is composed of stems and
endings. All post domains end in `.example`, which is reserved.
"""

from __future__ import annotations

from functools import lru_cache

COUNTRIES = ("NL", "DE", "BE")

_FEMALE = {
    "NL": "Maria Johanna Anna Elisabeth Cornelia Emma Sophie Julia Wilhelmina Tess Lotte Sanne Eva Lisa Anouk Fleur "
    "Margaretha Iris Femke Marieke Noor Hendrika Ingrid Petra Monique Saskia Esther Linda Floor Nienke Willemijn Roos "
    "Yvonne Annemarie Jacqueline Marloes Fatima Aleida Mirjam Lieke Jolanda Carolien Bregje Gerda Zoë Ans Trijntje",
    "DE": "Anna Ursula Monika Petra Elisabeth Sabine Renate Helga Karin Brigitte Ingrid Andrea Gisela Claudia Susanne "
    "Julia Katharina Stefanie Lena Laura Leonie Lea Sarah Hannah Johanna Birgit Kerstin Heike Martina Nicole Silke "
    "Marie Mia Emma Charlotte Franziska Jasmin Ayşe Greta Lieselotte Käthe Friederike Margarete Antonia Svenja Jördis",
    "BE": "Marie Anna Martine Nathalie Isabelle Christine Emma Elise Louise Julie Charlotte Nele Lien Lotte Sofie Sara "
    "Griet An Katrien Hilde Ingrid Leen Monique Rita Godelieve Camille Chloé Aurélie Manon Margaux Inès Elke Veerle "
    "Tine Liesbet Femke Hannelore Amélie Céline Delphine",
}
_MALE = {
    "NL": "Johannes Jan Cornelis Hendrik Willem Pieter Daan Bram Lucas Sem Thijs Jeroen Mark Peter Gerrit Jacobus Kees "
    "Bas Sander Tim Ruben Maarten Joost Wouter Martijn Dirk Rob Hans Frank Niels Stijn Luuk Mohamed Arjan Bart Erik "
    "Henk Teun Koen Gijs Theodorus Adriaan Rutger Sjoerd Wiebe Tjeerd Ewout",
    "DE": "Peter Michael Thomas Wolfgang Klaus Hans Jürgen Andreas Stefan Christian Uwe Werner Günter Horst Frank "
    "Alexander Matthias Martin Markus Jan Lukas Leon Finn Paul Jonas Maximilian Felix Tobias Sebastian Florian Daniel "
    "Philipp Bernd Dieter Helmut Karl Friedrich Heinrich Mehmet Johannes Niklas Torsten Jörg Kai Emil Anton Götz",
    "BE": "Jean Marc Luc Patrick Philippe Jan Pieter Thomas Lucas Louis Arthur Noah Jules Bart Koen Dirk Johan Wim "
    "Geert Kristof Tom Stijn Jef Wout Sander Michel Pierre Christophe Nicolas Olivier Benoît Joris Guy Frans Karel "
    "Maxime Antoine Rik Lode Servaas",
}
_FAMILY = {
    "NL": "de Jong|Jansen|de Vries|van den Berg|van Dijk|Bakker|Janssen|Visser|Smit|Meijer|de Boer|Mulder|de Groot|Bos|"
    "Vos|Peters|Hendriks|van Leeuwen|Dekker|Brouwer|de Wit|Dijkstra|Smits|de Graaf|van der Meer|Kok|Jacobs|"
    "van der Linden|de Haan|Vermeulen|van den Heuvel|van der Veen|van den Broek|Schouten|Willems|van Vliet|Hoekstra|"
    "Koster|Verhoeven|Prins|Huisman|Postma|Kuipers|Yılmaz|El Amrani|Wang|Molenaar|Blom|Kramer|Scholten",
    "DE": "Müller|Schmidt|Schneider|Fischer|Weber|Meyer|Wagner|Becker|Schulz|Hoffmann|Schäfer|Koch|Bauer|Richter|Klein|"
    "Wolf|Schröder|Neumann|Schwarz|Zimmermann|Braun|Krüger|Hofmann|Hartmann|Lange|Schmitt|Werner|Krause|Meier|Lehmann|"
    "Köhler|Herrmann|König|Walter|Mayer|Huber|Kaiser|Fuchs|Peters|Scholz|Möller|Weiß|Jung|Hahn|Vogel|Yıldız|Kowalski|"
    "von Hagen|Nguyen|Groß",
    "BE": "Peeters|Janssens|Maes|Jacobs|Mertens|Willems|Claes|Goossens|Wouters|De Smet|Dubois|Lambert|Dupont|Martin|"
    "Pauwels|Hermans|Aerts|Michiels|Van Damme|Verhoeven|De Clercq|Desmet|Lemmens|Smets|Hendrickx|Stevens|"
    "Van den Broeck|Simon|Laurent|Leroy|Van de Velde|Bogaerts|Coppens|Cools|Verstraete|Leclercq|Renard|Diallo|"
    "El Idrissi|Moens",
}
_STEMS = {
    "NL": "Molen Water Bosch Hoog Lange Steen Berken Eiken Heide Zand Veld Broek Linden Kerk Duin Haver Noord Ooster "
    "Wester Zuider Roosen Koren Wolf Klein Groen",
    "DE": "Stein Rosen Birken Eichen Linden Gold Silber Wald Berg Acker Wiesen Korn Hirsch Adler Brunn Reich Winter "
    "Sommer Ober Nieder Alten Neuen Hagen Lauter Falken",
    "BE": "Broeck Meul Steen Bosch Vande Hoeb Linde Oost West Roose Pauwel Claer Winck Goet Dael Haeg Kers Maer Over "
    "Rijck Schoon Ter Wael Zwaen Kuyl",
}
_ENDINGS = {
    "NL": "kamp veld huis hof berg stra sma man aar mans dijk burg broek horst beek",
    "DE": "bach berg mann feld thal hoff hauer rath brink kamp meier huber eder stätter loh",
    "BE": "aers aert mans beke camp hove ghem voorde straete ven acker inckx huys man wijn",
}
_STREETS = {
    "NL": "Kerkstraat|Molenweg|Dorpsstraat|Schoolstraat|Julianastraat|Stationsweg|Beatrixstraat|Hoofdstraat|"
    "Wilhelminalaan|Eikenlaan|Beukenlaan|Nieuwstraat|Lindelaan|Burgemeester Vossstraat|Prins Hendrikkade|Zandpad|"
    "Tulpstraat|Rozenstraat|Havenkade|Industrieweg|Vondelstraat|Oosterweg|Westersingel|De Meent|Lange Poten|"
    "Korenbloemstraat|Dijkweg|Parklaan|Marktplein|Zuidergracht|Weth. de Bruinstraat|'t Hofje|Leliegracht|"
    "Europalaan|Kastanjelaan",
    "DE": "Hauptstraße|Schulstraße|Gartenstraße|Bahnhofstraße|Dorfstraße|Bergstraße|Birkenweg|Lindenstraße|Kirchstraße|"
    "Waldstraße|Ringstraße|Schillerstraße|Goethestraße|Amselweg|Jahnstraße|Buchenweg|Wiesenweg|Eichenweg|Rosenweg|"
    "Mühlenstraße|Am Markt|Feldstraße|Friedhofstraße|Blumenstraße|Hermann-Löns-Weg|Königsallee|Neue Straße|"
    "Im Winkel|Sudetenstraße|Kaiserdamm|Rheinuferweg|Tannenweg|Lerchenweg|Poststraße",
    "BE": "Kerkstraat|Nieuwstraat|Stationsstraat|Molenstraat|Dorpsstraat|Schoolstraat|Kapellestraat|Veldstraat|"
    "Rue de l'Église|Rue du Moulin|Grand-Place|Avenue des Tilleuls|Chaussée de Namur|Leuvensesteenweg|Gentsesteenweg|"
    "Brusselstraat|Kasteelstraat|Groenstraat|Bosstraat|Heidestraat|Lindenlaan|Rue de la Gare|Rue Haute|Hoogstraat|"
    "Koning Albertlaan|Sint-Jansplein|Mechelbaan|Kruisstraat|Rozenlaan|Boomgaardstraat",
}
# town, weight (thousand inhabitants), first and last postcode number, latitude, longitude
_TOWNS = {
    "NL": "Amsterdam 920 1011 1109 52.37 4.90|Rotterdam 660 3011 3089 51.92 4.48|Den_Haag 560 2491 2599 52.08 4.31|"
    "Utrecht 370 3511 3585 52.09 5.12|Eindhoven 245 5611 5658 51.44 5.48|Groningen 240 9711 9747 53.22 6.57|"
    "Tilburg 225 5011 5049 51.56 5.09|Almere 222 1311 1363 52.37 5.22|Breda 186 4811 4839 51.59 4.78|"
    "Nijmegen 182 6511 6546 51.84 5.86|Apeldoorn 167 7311 7339 52.21 5.97|Arnhem 166 6811 6846 51.98 5.91|"
    "Haarlem 165 2011 2037 52.38 4.64|Enschede 161 7511 7548 52.22 6.89|Amersfoort 160 3811 3829 52.16 5.39|"
    "Zwolle 133 8011 8043 52.51 6.09|Leiden 127 2311 2334 52.16 4.49|Maastricht 122 6211 6229 50.85 5.69|"
    "Leeuwarden 127 8911 8941 53.20 5.80|Venlo 103 5911 5928 51.37 6.17|Delft 106 2611 2629 52.01 4.36|"
    "Deventer 102 7411 7437 52.25 6.16|Oss 94 5341 5349 51.77 5.52|Middelburg 50 4331 4341 51.50 3.61",
    "DE": "Berlin 700 10115 14199 52.52 13.40|Hamburg 500 20095 22769 53.55 9.99|Köln 1090 50667 51149 50.94 6.96|"
    "Düsseldorf 620 40210 40629 51.23 6.78|Dortmund 590 44135 44388 51.51 7.47|Essen 580 45127 45359 51.46 7.01|"
    "Bremen 570 28195 28779 53.08 8.80|Hannover 540 30159 30659 52.37 9.73|Duisburg 500 47051 47279 51.43 6.76|"
    "Münster 317 48143 48167 51.96 7.63|Bonn 332 53111 53229 50.74 7.10|Aachen 250 52062 52080 50.78 6.08|"
    "Mönchengladbach 262 41061 41239 51.19 6.44|Krefeld 228 47798 47839 51.34 6.59|"
    "Osnabrück 166 49074 49090 52.28 8.05|Oldenburg 172 26121 26135 53.14 8.21|"
    "Kleve 53 47533 47533 51.79 6.14|Frankfurt 300 60306 60599 50.11 8.68",
    "BE": "Antwerpen 530 2000 2060 51.22 4.40|Gent 265 9000 9052 51.05 3.72|Brussel 480 1000 1210 50.85 4.35|"
    "Leuven 102 3000 3018 50.88 4.70|Brugge 119 8000 8380 51.21 3.22|Mechelen 88 2800 2812 51.03 4.48|"
    "Hasselt 80 3500 3512 50.93 5.34|Liège 195 4000 4032 50.63 5.57|Namur 113 5000 5024 50.47 4.87|"
    "Kortrijk 78 8500 8511 50.83 3.26|Genk 67 3600 3600 50.97 5.50|Turnhout 46 2300 2300 51.32 4.95",
}
NICKNAMES = {
    "Johannes": "Jan", "Johanna": "Anneke", "Elisabeth": "Lies", "Cornelis": "Kees", "Cornelia": "Corrie",
    "Hendrik": "Henk", "Hendrika": "Riek", "Wilhelmina": "Willy", "Willem": "Wim", "Pieter": "Piet", "Lucas": "Luc",
    "Margaretha": "Greet", "Jacobus": "Koos", "Theodorus": "Theo", "Adriaan": "Arie", "Katharina": "Kathi",
    "Alexander": "Alex", "Maximilian": "Max", "Michael": "Michi", "Matthias": "Matze", "Sebastian": "Basti",
    "Stefanie": "Steffi", "Susanne": "Susi", "Ursula": "Uschi", "Friedrich": "Fritz", "Heinrich": "Heinz",
    "Christian": "Chris", "Christine": "Chris", "Nathalie": "Nat", "Charlotte": "Lotte", "Christophe": "Chris",
    "Nicolas": "Nico", "Philippe": "Phil", "Patrick": "Pat", "Antonia": "Toni", "Anton": "Toni", "Franziska": "Franzi",
    "Margarete": "Grete", "Tobias": "Tobi", "Johan": "Jo", "Katrien": "Trien", "Maria": "Marijke", "Thomas": "Tom",
    "Maarten": "Maart", "Gerrit": "Ger", "Andreas": "Andi", "Daniel": "Dani", "Wolfgang": "Wolf", "Isabelle": "Isa",
}  # fmt: skip
POST_DOMAINS = {
    "NL": ("geemail.example", "polderpost.example", "kabelmail.example", "vooruit.example", "hotbrief.example"),
    "DE": ("geemail.example", "netzpost.example", "webbrief.example", "hotbrief.example", "magentamail.example"),
    "BE": ("geemail.example", "belpost.example", "hotbrief.example", "telebrief.example", "skymail.example"),
}
POST_DOMAIN_WEIGHTS = (0.46, 0.2, 0.14, 0.08, 0.12)
WORK_DOMAINS = ("stadswerk.example", "bouwgroep.example", "klinik-nord.example", "uni-west.example", "techhuis.example")
OCCUPATIONS = ("teacher", "nurse", "engineer", "retired", "student", "shop_assistant", "civil_servant", "consultant",
               "craftsman", "driver", "manager", "unemployed", "self_employed", "researcher")  # fmt: skip
INCOME_BANDS = ("under_20k", "20k_40k", "40k_60k", "60k_90k", "over_90k")
STORES = (  # name, town, country, latitude, longitude
    ("Veloheld Amsterdam Oost", "Amsterdam", "NL", 52.3605, 4.9310),
    ("Veloheld Utrecht", "Utrecht", "NL", 52.0893, 5.1130),
    ("Veloheld Rotterdam", "Rotterdam", "NL", 51.9225, 4.4792),
    ("Veloheld Eindhoven", "Eindhoven", "NL", 51.4401, 5.4781),
    ("Veloheld Groningen", "Groningen", "NL", 53.2177, 6.5680),
    ("Veloheld Arnhem", "Arnhem", "NL", 51.9822, 5.9094),
    ("Veloheld Köln", "Köln", "DE", 50.9390, 6.9570),
    ("Veloheld Düsseldorf", "Düsseldorf", "DE", 51.2260, 6.7780),
    ("Veloheld Münster", "Münster", "DE", 51.9615, 7.6280),
    ("Veloheld Bremen", "Bremen", "DE", 53.0780, 8.8030),
    ("Veloheld Hannover", "Hannover", "DE", 52.3745, 9.7390),
    ("Veloheld Antwerpen", "Antwerpen", "BE", 51.2190, 4.4040),
    ("Veloheld Gent", "Gent", "BE", 51.0530, 3.7240),
    ("Veloheld Leuven", "Leuven", "BE", 50.8790, 4.7010),
)  # fmt: skip


@lru_cache(maxsize=1)
def given_names() -> tuple[list[str], dict[tuple[int, int], list[int]]]:
    """All given names, and per (country, gender 0 female 1 male) the positions of its names, most frequent first."""
    names: dict[str, int] = {}
    lists: dict[tuple[int, int], list[int]] = {}
    for country, code in enumerate(COUNTRIES):
        for gender, source in enumerate((_FEMALE, _MALE)):
            lists[country, gender] = [names.setdefault(name, len(names)) for name in source[code].split()]
    return list(names), lists


@lru_cache(maxsize=1)
def family_names() -> tuple[list[str], list[list[int]]]:
    """All family names, and per country the positions of its names, most frequent first, the composed ones last."""
    names: dict[str, int] = {}
    lists = []
    for code in COUNTRIES:
        composed = [stem + ending for ending in _ENDINGS[code].split() for stem in _STEMS[code].split()]
        lists.append([names.setdefault(name, len(names)) for name in [*_FAMILY[code].split("|"), *composed]])
    return list(names), lists


@lru_cache(maxsize=1)
def streets() -> tuple[list[str], list[list[int]]]:
    """All streets, and per country the positions of its streets."""
    names: dict[str, int] = {}
    lists = [[names.setdefault(name, len(names)) for name in _STREETS[code].split("|")] for code in COUNTRIES]
    return list(names), lists


@lru_cache(maxsize=1)
def towns() -> list[tuple[str, int, int, int, int, float, float]]:
    """Towns: name, country position, weight, first and last postcode number, latitude, longitude."""
    found = []
    for country, code in enumerate(COUNTRIES):
        for line in _TOWNS[code].split("|"):
            name, weight, low, high, latitude, longitude = line.split(" ")
            found.append(
                (name.replace("_", " "), country, int(weight), int(low), int(high), float(latitude), float(longitude))
            )
    return found

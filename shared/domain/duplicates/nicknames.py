"""First names, and the short and familiar forms that people use instead."""

from __future__ import annotations

from functools import cache

_FORMS = """
abigail: abby abbie gail; abraham: abe bram; adelaide: addie heidi; adelheid: heidi; albert: al bert bertie;
albrecht: bert; aleksander: olek alek sasha; aleksandra: ola sasha; alessandro: ale sandro;
alexander: al alec aleck alex lex sandy xander zander sasha sascha sander;
alexandra: alex alexa lexi sandra sandy sasha sascha; alexei: alyosha lyosha; alfonso: fonso poncho;
alfred: al alf alfie fred freddie freddy; alice: allie ali; allison: ali allie; amanda: mandy mandi;
amelia: amy millie milly mia; anastasia: nastya stacy stasia asia; andre: dre; andrea: andi andy;
andreas: andi andy dre; andrew: andy drew; angela: angie; angelika: geli angie; anna: ann anne annie anya anja anni;
anneliese: lisa liese anneli; annette: annie; anthony: ant tony; antoine: tony toine; antoinette: toni tony;
anton: toni tony; antonia: toni tonia; antonio: toni tony tonio nino; arnold: arnie; arthur: art artie; augustus: gus;
barbara: babs barb barbie bobbie basia babsi; bartholomaeus: bart barthel; bartholomew: bart;
beatrice: bea bee trixie; beatrix: bea trixie; benedict: ben; benedikt: ben bene; benjamin: ben benji benny benno;
bernadette: bernie detta; bernard: bernie; bernardo: nardo; bernhard: bernd berni; bertram: bert;
boguslaw: bogdan bogus; bradley: brad; brigitte: gitte gitta biggi; bruno: brunello; caitlin: cait katie; calvin: cal;
cameron: cam; candace: candy candi; carla: carlotta; carlos: charlie carlitos; carmen: carmelita; carol: caz;
carolina: caro lina; caroline: carrie caro carol lina; carsten: casi; catalina: cata lina; caterina: rina cati;
catherine: cat cath cathy kate kathy katie kitty cathie; cecilia: cece celia cissy;
charles: charlie charley chas chaz chuck; charlotte: lottie charlie lotte lotta charly; chester: chet;
christian: chris kit chrischi; christiane: chris christel nane; christina: chris chrissy chrissie tina christa;
christine: chris chrissy chrissie tina christa; christoph: chris stoffel; christopher: chris kit topher kris;
clarence: clare; claudia: claudi; clemens: clem; clement: clem; clifford: cliff; clinton: clint;
concepcion: concha conchita; constance: connie; cordelia: delia; cornelia: connie corrie nelly conny nele;
cornelius: con connie corny cor neil kees; cristina: cris tina; cristobal: tobal; curtis: curt; cynthia: cindy cyndi;
daniel: dan danny dani; daniela: dani; danielle: dani elle; david: dave davey davy dov;
deborah: deb debbie debby debra; dennis: denny; desmond: des; diana: di; dieter: didi; dietrich: dirk dieter;
dmitri: dima mitya; dmitry: dima mitya; dolores: lola; dominic: dom nick; dominik: dom nik; donald: don donnie donny;
dorothea: dora dorle thea doro; dorothy: dot dottie dolly dodie; douglas: doug; eberhard: ebi hardy; edgar: ed eddie;
edmund: ed eddie ted; eduard: edi edu eddie; eduardo: edu lalo; edward: ed eddie eddy ned ted teddy; edwin: ed eddie;
ekaterina: katya katja katia; elaine: lainie; eleanor: ella ellie nell nellie nora lena; elena: lena lenka;
elisabeth: elisa elise ella elli else elsa lisa lisbeth liesel lisl sissi betty bettina beth liz lise;
elizabeth: beth bess bessie betsy betty eliza elsie libby lisa liz lizzie lizzy liza lisbeth elise elsa ella;
elzbieta: ela; emanuel: manny manu; emanuele: manu; emily: em emmy millie; emmanuel: manny manu; enrique: quique kike;
erica: ricky ric; ernest: ernie; esther: essie hettie; eugene: gene; eugenia: genie; evelyn: evie eve; evgeny: zhenya;
ewa: ewka; ferdinand: ferdi ferdy nando; fernando: nando fer; florence: flo flossie florrie; florian: flo flori;
frances: fran francie frankie fanny; francesca: franca fran cesca chicca; francesco: franco cesco checco ciccio;
francis: fran frank frankie; francisca: paca paquita fran; francisco: paco pancho paquito fran curro kiko cisco;
franciscus: frans frank; francoise: fanchon; franklin: frank; franz: franzl; franziska: franzi fanny ziska;
frederic: fred freddie; frederick: fred freddie freddy rick fritz; frederik: fred rik;
friederike: rike friedel fritzi; friedrich: fritz fred fiete; gabriel: gabe gabi; gabriela: gabi gaby;
gabriele: gabi gaby; gabrielle: gabby gabi elle; galina: galya; geoffrey: geoff jeff; georg: schorsch jorg;
georgina: gina georgie; gerald: gerry jerry; gerard: gerry jerry; gerardo: gera; gerhard: gerd gert hardy;
gertrud: gerti trudi trude; gertrude: gert gertie trudy trude; gilbert: gil bert; giovanna: gianna vanna;
giovanni: gianni vanni nanni gio; giuseppe: beppe peppe pino peppino beppo geppe; giuseppina: pina peppina;
gloria: glori; graciela: chela; gregory: greg; grigori: grisha; grzegorz: grzes; guadalupe: lupe lupita;
guillaume: guy; guillermo: memo guille willy; gunther: gunni; gustavo: gus tavo; gwendolyn: gwen wendy;
hannelore: hanne lore; hans: hansi; harold: hal harry; harriet: hattie; heather: heath; helen: nell nellie lena;
helena: lena lenka helen nell; helene: leni lene lena; helmut: helmi; hendrik: henk rik hein;
henrietta: etta hettie hattie; henriette: jette henni; henrik: rik; henry: hal hank harry; herbert: bert herb herbie;
hermann: manni; hildegard: hilde hilda; horace: horry; howard: howie; hubert: bert hubi; hubertus: bert huub;
ignacio: nacho; ignatius: iggy; ilse: ilschen; irene: rene; irina: ira; isaac: ike zac;
isabel: bel bella belle izzy isa chabela; isabella: bella belle izzy isa; isabelle: belle izzy isa; isidore: izzy;
ivan: vanya; jacek: jac; jacob: jake jay cob; jacobus: jaap ko koos; jacqueline: jackie jacqui; jaime: jimmy;
jakob: jockel; jakub: kuba; james: jim jimmy jamie jem jay; jan: janek jasiek; jane: janie jenny janey; janet: jan;
janice: jan; jason: jay; javier: javi; jean: jeannie; jeanette: jean nettie; jeffrey: jeff;
jennifer: jen jenn jenny jenni; jeremiah: jerry; jeremy: jem jerry jez; jerome: jerry; jessica: jess jessie jesse;
jesus: chucho chuy; joachim: jochen achim jo; joanna: jo joan joasia asia; joanne: jo; joao: joca; jodie: jo;
johann: hans hannes jo hansi; johanna: hanna hanne jo hanni; johannes: hans hannes jo johan jan joh hansi;
john: jack johnny jon jonny jock; jonathan: jon johnny jonny nathan; jorge: jorgito; jose: pepe pepito chepe;
josef: sepp seppi beppo jupp; josefa: pepa pepita josie sefa; josefina: fina josie pepita; joseph: joe joey jos;
josephine: jo josie fifi; joshua: josh; joyce: joy; juan: juanito juancho; judith: judy jude; julia: jules julie;
julian: jules; juliana: jules julie; julie: jules; juliet: jules; jurgen: jogi; justin: jus; karel: kaja; karin: kari;
karl: kalle; karoline: caro karo line lina; katarina: kata kati; katarzyna: kasia;
katharina: kathi kati kathrin katja kathe katha trine rina nina;
katherine: kate kathy katie kat kath kay kit kitty kathryn; kathleen: kath kathy katie;
kathryn: kate kathy katie kat kath; kazimierz: kazik; kenneth: ken kenny; kimberley: kim kimmy; kimberly: kim kimmy;
klaus: klausi; konrad: conny kurt; konstantin: kostya kosta; konstantinos: kostas dinos; kristin: kris;
kristina: kris tina; krzysztof: krzys krzysiek; lars: lasse; laura: laurie lori; laurence: larry laurie;
lawrence: larry laurie lawrie loz; lazaro: lacho; leonard: len lenny leo; leonardo: leo nardo; leonhard: leo hartl;
leonora: nora; leopold: leo poldi; leslie: les; lester: les; lewis: lew lou; lillian: lil lilly lily; linda: lindy;
lorenzo: renzo enzo lencho; loretta: lori; louis: lou louie; louise: lou lulu; lucas: luke; lucille: lucy;
lucinda: lucy cindy; ludmila: luda mila lyuda; ludwig: lutz wiggerl lui; luigi: gigi; luis: lucho; luise: lou lulu;
lukas: luki; lydia: lyddie; lynette: lyn; madeleine: maddie maddy madge lena; madeline: maddie maddy;
magdalena: lena leni magda malgosia; malcolm: mal; malgorzata: gosia malgosia; manfred: manni fred;
manuel: manny manolo manu; manuela: manu ela; marcel: celio; marcus: marc mark;
margaret: maggie marge margie margo meg megan peg peggy greta daisy mags madge rita;
margarete: grete gretel greta marga gretchen rita gitte; margarethe: grete gretel greta marga gretchen rita gitte;
margarita: marga rita; margherita: rita marghe; maria: mia mitzi ria marie mary; marianne: janne nanne; marie: mimi;
marjorie: marge margie; marko: mare; markus: mark marki maxe; marlene: leni; martha: marty mattie patty;
martin: marty tino; martina: tina marti; marvin: marv; mary: mamie mae may molly polly minnie; mateo: teo;
mathilde: tilda thilde; matilda: mattie tilda tilly; matteo: teo; matthaus: hias; matthew: matt matty mat;
matthias: matt hias matze mats; maureen: mo; maurice: moe mo reece; maxim: max; maximilian: max maxi;
maximiliane: maxi; maxwell: max; mehmet: memo; melanie: mel; melissa: mel missy lissa; melvin: mel;
mercedes: merche meche; michael: mick mickey mike mikey micky micha michi michel michl mischa;
michaela: michi ela micki kayla; michal: michalek; michel: mick; michele: shell; michelle: shell shelly chelle;
mickael: mika; miguel: mike migue micho; mikhail: misha; milan: mila; mildred: millie; millicent: millie;
miriam: mim mimi; mitchell: mitch; mohamed: mo mohd moh; mohammad: mo mohd moh; mohammed: mo mohd moh; monika: moni;
monique: mo nicky; montgomery: monty; morris: mo moe; mortimer: mort; moses: moe mo; muhammad: mo mohd moh;
nadezhda: nadia nadya; nancy: nan; natalia: natasha natalie nata talia; natalie: nat nattie; nathan: nat nate;
nathaniel: nat nate nathan; nicholas: nick nicky nico klaus colin; nicola: nicky nico nicki; nicolas: nico nick;
nicole: nicky nikki nic nicki; niklas: nik klas nick; nikola: niko; nikolai: kolya niko; nikolaos: nikos;
nikolaus: klaus niko nik claus nick; norbert: bert nobbi; norman: norm; octavia: tavi; olga: olya;
oliver: ollie olli oli; olivia: liv livvy ollie; oscar: ozzie; oswald: ozzie ossi; otto: ottl; pablo: pablito;
pamela: pam; patricia: pat patsy patty tricia trish paddy pati; patrick: paddy pat rick; paul: paulie; paula: paulie;
pauline: polly paulinchen; pavel: pasha; pedro: perico; peggy: peg; penelope: penny; percival: percy;
peter: pete petey piet; petra: peti; petronella: nelly; petrus: piet peter; philip: phil pip flip;
philipp: phil lipp fips; philippa: pippa pip; philippe: phil; phillip: phil pip; phyllis: phyl; pierre: pierrot;
pietro: piero; piotr: piotrek; priscilla: cilla prissy; prudence: prue; rachel: rae shelly; rafael: rafa rafi;
rainer: reini; ralph: ralphie; ramon: moncho; randall: randy; randolph: randy dolph; raphael: raffi rapha raff;
raymond: ray; rebecca: becca becky bex; reginald: reg reggie rex; reinhard: reini hardy; reinhold: reini;
renata: rena nata; renate: rena reni nate; ricardo: ricky richi rick; richard: dick rich richie rick ricky rik dickie;
robert: bob bobby rob robbie robby bert bobbie robi; roberta: bobbie robbie berta; roberto: beto berto rob robby;
roderick: rod roddy rick; rodney: rod; rodolfo: fito rudy; rodrigo: rodri rigo; roger: rodge; roland: rolly roly;
ronald: ron ronnie ronny; rosa: rosie rosita; rosalie: rosie; rosario: charo chayo; rosemarie: rosi romy marie;
rosemary: rose rosie; roxanne: roxy; rudolf: rudi rolf dolf; rudolph: rudy dolph; russell: russ rusty;
salvador: chava salva; salvatore: toto turi salvo sal; samantha: sam sammy; samuel: sam sammy; sandra: sandy;
santiago: santi chago yago; sarah: sadie sal sally; scott: scotty; sebastian: seb basti bastian wastl sebi;
sebastien: seb bastien; sergei: seryozha; sergio: checo; seymour: sy; sharon: shaz; sheila: shea; sidney: sid syd;
siegfried: siggi sigi; siegmund: siggi sigi; sigrid: siri; silvester: vestl; simon: si simi; sofia: sofi;
sophia: sophie fifi; stanislav: slava stan; stanislaw: stach staszek stan; stanley: stan;
stefan: steffen steffi steff; stefania: stefi fania; stefanie: steffi steff; stella: stel; stephan: steffen steff;
stephanie: steph stephie steffi steff; stephen: steve stevie steph; steven: steve stevie; stewart: stew stu;
stuart: stew stu; susan: sue susie suzy suzie; susana: susi sana; susanna: sue susie suzanna;
susanne: susi sanne susann sanna; suzanne: sue suzie suzy; svetlana: sveta lana; sylvester: sly; sylvia: syl silvie;
tabea: bea; tadeusz: tadek; tamara: tammy toma; tatiana: tanya tania tanja; tatjana: tanja tanya; terence: terry;
teresa: terry tess tessa tere; theodor: theo teddy; theodora: dora thea; theodore: ted teddy theo;
theresa: terry tess tessa tracy resi; therese: resi; thomas: tom tommy thom tomi; tiffany: tiff; timotheus: tim timo;
timothy: tim timmy; tobias: tobi toby; tomas: tom tomi; tomasz: tomek; travis: trav; trevor: trev; tristan: tris;
ulrich: uli ulli; ulrike: uli ulli rike; ursula: uschi ulla ursel ursi; valentin: val vale; valentina: val vale tina;
valerie: val; vanessa: nessa nessie; verena: vreni vera; veronica: ronnie vera vero; veronika: vroni vera;
vicente: chente; victor: vic vick; victoria: tori vic vicki vicky viki; viktor: vik; viktoria: vicky viki;
vincent: vin vince vinnie vinny; vincenza: enza; vincenzo: enzo vince cenzo; viola: vi; violet: vi;
virginia: ginger ginny; vivian: viv; vladimir: vlad volodya vova; vyacheslav: slava; waldemar: waldi;
walter: wally walt; wendelin: wendel; werner: werni; wilfred: wilf fred; wilhelm: willi willy wim helm;
wilhelmina: mina willa minnie mien; wilhelmine: minna mine; willem: wim pim;
william: bill billy will willie willy liam; winfried: winni; winifred: winnie freda; winston: win; wojciech: wojtek;
wolfgang: wolf wolfi; xavier: xavi; yevgeny: zhenya; yolanda: yoli; yuri: yura; yvonne: vonnie; zacharias: zach;
zachary: zac zach zack zak; zbigniew: zbyszek; zofia: zosia
"""
"""Names, each with its short and familiar forms, all folded."""


@cache
def _names_of_forms() -> dict[str, tuple[str, ...]]:
    """Return the full names of each form, in the order of the alphabet. A form may be a name itself."""
    found: dict[str, list[str]] = {}
    for entry in _FORMS.replace("\n", " ").split(";"):
        name, _, forms = entry.strip().partition(": ")
        for form in forms.split():
            found.setdefault(form, []).append(name)
    return {form: tuple(names) for form, names in found.items()}


@cache
def _known() -> frozenset[str]:
    forms = _names_of_forms()
    return frozenset((*forms, *(name for names in forms.values() for name in names)))


def full_names_of(word: str) -> frozenset[str]:
    """Return the names that a folded first name may be short for, and itself: `liz` is `elizabeth` and others."""
    return frozenset((word, *_names_of_forms().get(word, ())))


def is_first_name(word: str) -> bool:
    """Return whether a folded word is a first name or a form of one, as far as the list knows."""
    return word in _known()


def full_name_of(word: str) -> str:
    """Return the one name that is taken for a folded first name: for a form the first name that begins with the same
    letter, otherwise the first one; for any other word itself.
    """
    names = _names_of_forms().get(word, (word,))
    return min(names, key=lambda name: name[:1] != word[:1])

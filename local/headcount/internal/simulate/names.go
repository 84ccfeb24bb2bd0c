package simulate

// culture is a way to be called. The names are common ones; the people are not
// real.
type culture struct {
	given       [2][]string // indexed by event.Female and event.Male
	family      []string
	join        string // between the two names
	familyFirst bool
}

// cultureShares are the weights of the cultures, in their order.
var cultureShares = []float64{45, 15, 5, 4, 6, 4, 5, 6, 4, 4, 4}

var cultures = []culture{
	{ // Latin, with the accents of French
		given: [2][]string{
			{"Chloé", "Léa", "Inès", "Maëlle", "Hélène", "Zoé", "Agnès", "Françoise"},
			{"Noël", "Jérôme", "François", "Théo", "Loïc", "Étienne", "Gaël", "Rémi"},
		},
		family: []string{"Lefèvre", "Gauthier", "Béranger", "Durand", "Châtelain", "Saint-Éloi", "L'Hôte", "Muñoz", "Perrin"},
		join:   " ",
	},
	{ // Latin, with other marks
		given: [2][]string{
			{"Łucja", "Şebnem", "Þórdís", "Ngọc", "Núria", "Zuzanna"},
			{"Søren", "Çağlar", "Łukasz", "Håkon", "Đức", "João"},
		},
		family: []string{"Nowak", "Öztürk", "Nguyễn", "Ångström", "Ó Briain", "Gonçalves", "Szűcs"},
		join:   " ",
	},
	{ // Cyrillic
		given:  [2][]string{{"Мария", "Ольга", "Наталья", "Юлия"}, {"Иван", "Дмитрий", "Сергей", "Андрей"}},
		family: []string{"Шевченко", "Павленко", "Кравчук", "Бондаренко"},
		join:   " ",
	},
	{ // Greek
		given:  [2][]string{{"Ελένη", "Μαρία", "Σοφία"}, {"Γιώργος", "Νίκος", "Κώστας"}},
		family: []string{"Παπαδάκης", "Αγγέλου", "Νικολάου", "Οικονόμου"},
		join:   " ",
	},
	{ // Arabic
		given:  [2][]string{{"فاطمة", "مريم", "ليلى", "نور"}, {"محمد", "يوسف", "كريم", "عمر"}},
		family: []string{"العلوي", "حداد", "بن علي", "منصور"},
		join:   " ",
	},
	{ // Hebrew
		given:  [2][]string{{"נועה", "תמר", "יעל"}, {"דוד", "איתי", "יונתן"}},
		family: []string{"כהן", "לוי", "מזרחי", "פרץ"},
		join:   " ",
	},
	{ // Devanagari
		given:  [2][]string{{"प्रिया", "अनन्या", "सुनीता"}, {"राहुल", "अर्जुन", "विक्रम"}},
		family: []string{"शर्मा", "वर्मा", "पटेल", "गुप्ता"},
		join:   " ",
	},
	{ // Han
		given:       [2][]string{{"雅婷", "丽华", "欣怡"}, {"伟", "志强", "建国"}},
		family:      []string{"王", "李", "张", "陈", "欧阳"},
		familyFirst: true,
	},
	{ // Kana
		given:       [2][]string{{"さくら", "ひかり", "ミユ"}, {"たろう", "ケンジ", "はると"}},
		family:      []string{"たなか", "サトウ", "すずき", "やまもと"},
		join:        " ",
		familyFirst: true,
	},
	{ // Hangul
		given:       [2][]string{{"서연", "지우", "하은"}, {"민준", "도윤", "지호"}},
		family:      []string{"김", "이", "박", "최"},
		familyFirst: true,
	},
	{ // Thai
		given:  [2][]string{{"สมหญิง", "มาลี", "ดารา"}, {"สมชาย", "อนันต์", "วิชัย"}},
		family: []string{"ใจดี", "ศรีสุข", "บุญมี"},
		join:   " ",
	},
}

var nicknames = []string{"flaneur", "sunny", "nightowl", "baguette", "walker", "metro", "pixel", "moineau"}

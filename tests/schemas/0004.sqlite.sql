PRAGMA application_id = 1179209295;
BEGIN TRANSACTION;
CREATE TABLE attempts (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	letter INTEGER NOT NULL, 
	channel VARCHAR(20) NOT NULL, 
	transport VARCHAR(20) NOT NULL, 
	wire_id TEXT NOT NULL, 
	recipients TEXT NOT NULL, 
	began_at VARCHAR(32) NOT NULL, 
	until VARCHAR(32) NOT NULL, 
	handed_at VARCHAR(32), 
	receipt TEXT NOT NULL, 
	ended_at VARCHAR(32), 
	outcome VARCHAR(20) NOT NULL, 
	said TEXT NOT NULL, 
	CONSTRAINT fk_attempts_letter FOREIGN KEY(letter) REFERENCES letters (number)
);
INSERT INTO "attempts" VALUES(1,1,'mail','smtp','<1.1@x>','[1]','2026-11-23T06:00:00.000000+00:00','2026-11-24T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00','','2026-11-23T06:00:00.000000+00:00','sent','250');
INSERT INTO "attempts" VALUES(2,2,'mail','smtp','<2.1@x>','[2]','2026-11-23T06:00:00.000000+00:00','2026-11-24T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00','','2026-11-23T06:00:00.000000+00:00','sent','250');
INSERT INTO "attempts" VALUES(3,3,'mail','smtp','<3.1@x>','[3]','2026-11-23T06:00:00.000000+00:00','2026-11-24T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00','','2026-11-23T06:00:00.000000+00:00','sent','250');
CREATE TABLE audit (
	number INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	who VARCHAR(200) NOT NULL, 
	what TEXT NOT NULL, 
	resource_id TEXT NOT NULL, 
	why TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	intent INTEGER, 
	keyed BOOLEAN NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (number), 
	CONSTRAINT fk_audit_intent FOREIGN KEY(intent) REFERENCES intents (number), 
	CONSTRAINT uq_audit_hash UNIQUE (hash)
);
INSERT INTO "audit" VALUES(1,'2026-11-23T06:00:00.000000+00:00','finops','finding found','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','Found.','{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000001","evidence":{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]},"finding":1,"rule":"silent-endpoint"}',NULL,0,'0000000000000000000000000000000000000000000000000000000000000000','1676abad46da4a373b5d80e924ae87f362fd8640c38e0d86f9bff02991863980');
INSERT INTO "audit" VALUES(2,'2026-11-23T06:00:00.000000+00:00','finops','finding pending','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','Asked.','{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000001","finding":1,"rule":"silent-endpoint"}',NULL,0,'1676abad46da4a373b5d80e924ae87f362fd8640c38e0d86f9bff02991863980','453123272d8e93d1ca97de7635559d9146517cc38df616d0cc91876feebc1a07');
INSERT INTO "audit" VALUES(3,'2026-11-23T06:00:00.000000+00:00','Ada','finding approved','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','Yes.','{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000001","finding":1,"rule":"silent-endpoint"}',NULL,0,'453123272d8e93d1ca97de7635559d9146517cc38df616d0cc91876feebc1a07','70a79b7110879d8cd6449a47cad8f816ed4fd80fc0bcb71abb28f47a2ce638c8');
INSERT INTO "audit" VALUES(4,'2026-11-23T06:00:00.000000+00:00','finops','will delete','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','unused','{"record":1}',1,0,'70a79b7110879d8cd6449a47cad8f816ed4fd80fc0bcb71abb28f47a2ce638c8','0bc8a5b46ddcc8ba03b58394954a19692ad2665931b612b8e47d654f6e2390a7');
INSERT INTO "audit" VALUES(5,'2026-11-23T06:00:00.000000+00:00','finops','done','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','read back','{}',1,0,'0bc8a5b46ddcc8ba03b58394954a19692ad2665931b612b8e47d654f6e2390a7','4fdf2bf62f920ae065207af9bc93311a863a871f4bf9d756078d3c1cf9c680a3');
INSERT INTO "audit" VALUES(6,'2026-11-23T06:00:00.000000+00:00','finops','finding found','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','Found.','{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000002","evidence":{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]},"finding":2,"rule":"silent-endpoint"}',NULL,0,'4fdf2bf62f920ae065207af9bc93311a863a871f4bf9d756078d3c1cf9c680a3','d332b615339879b7c3b08a4f18a4667a42af12755bef0933c4cbb647c3566598');
INSERT INTO "audit" VALUES(7,'2026-11-23T06:00:00.000000+00:00','finops','finding pending','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','Asked.','{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000002","finding":2,"rule":"silent-endpoint"}',NULL,0,'d332b615339879b7c3b08a4f18a4667a42af12755bef0933c4cbb647c3566598','ba119be7d5dd0fa0e4ae3b93da26ad26ae59bc3bca7e06a4cd85133733d483b9');
INSERT INTO "audit" VALUES(8,'2026-11-23T06:00:00.000000+00:00','Ada','finding approved','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','Yes.','{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000002","finding":2,"rule":"silent-endpoint"}',NULL,0,'ba119be7d5dd0fa0e4ae3b93da26ad26ae59bc3bca7e06a4cd85133733d483b9','0de57a80f191241767fc973f30ab2176adc102591f8b9e0a79d06fbab6256204');
INSERT INTO "audit" VALUES(9,'2026-11-23T06:00:00.000000+00:00','finops','will delete','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','unused','{"record":2}',2,0,'0de57a80f191241767fc973f30ab2176adc102591f8b9e0a79d06fbab6256204','4d169064a3601b886595fa80d20f2274887c391a3e4efd33d42bba61d62a0828');
INSERT INTO "audit" VALUES(10,'2026-11-23T06:00:00.000000+00:00','finops','done','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','read back','{}',2,0,'4d169064a3601b886595fa80d20f2274887c391a3e4efd33d42bba61d62a0828','beee3232aba02f2e6de89c150490c5609dc3afbd7b78d33d5f8e4dbede1504f0');
INSERT INTO "audit" VALUES(11,'2026-11-23T06:00:00.000000+00:00','finops','finding found','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','Found.','{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000003","evidence":{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]},"finding":3,"rule":"silent-endpoint"}',NULL,0,'beee3232aba02f2e6de89c150490c5609dc3afbd7b78d33d5f8e4dbede1504f0','b6c9d17e1aa41bedfa759deb906cc23a06fad3ce772787127584d64a1bd00cb5');
INSERT INTO "audit" VALUES(12,'2026-11-23T06:00:00.000000+00:00','finops','finding pending','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','Asked.','{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000003","finding":3,"rule":"silent-endpoint"}',NULL,0,'b6c9d17e1aa41bedfa759deb906cc23a06fad3ce772787127584d64a1bd00cb5','5b3bce27de217d1390f23e22e904f6b95ef9f39251709723239d47a8e5a833df');
INSERT INTO "audit" VALUES(13,'2026-11-23T06:00:00.000000+00:00','Ada','finding approved','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','Yes.','{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000003","finding":3,"rule":"silent-endpoint"}',NULL,0,'5b3bce27de217d1390f23e22e904f6b95ef9f39251709723239d47a8e5a833df','a12d156e7bf0cb101e81b81217860a87cfcf2c87c3f361bfda1774004deb3379');
INSERT INTO "audit" VALUES(14,'2026-11-23T06:00:00.000000+00:00','finops','will delete','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','unused','{"record":3}',3,0,'a12d156e7bf0cb101e81b81217860a87cfcf2c87c3f361bfda1774004deb3379','dd90849e938fa013ecd5201c3bae12a2025c73098212ca171853d96170403e39');
INSERT INTO "audit" VALUES(15,'2026-11-23T06:00:00.000000+00:00','finops','done','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','read back','{}',3,0,'dd90849e938fa013ecd5201c3bae12a2025c73098212ca171853d96170403e39','cb384049045f023a57e1b074f2fbe379bc43e4aedb6189f4ac37ad4e846edf94');
INSERT INTO "audit" VALUES(16,'2026-11-23T06:00:00.000000+00:00','guard','will tag','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1','No CostCenter – Grüße','{}',4,0,'cb384049045f023a57e1b074f2fbe379bc43e4aedb6189f4ac37ad4e846edf94','d120223ac27e06fc6c47847f70a26e0bad250ab24243a9b7b191c66855f9cd57');
CREATE TABLE events (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	finding INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	who VARCHAR(200) NOT NULL, 
	"before" VARCHAR(20) NOT NULL, 
	"after" VARCHAR(20) NOT NULL, 
	why TEXT NOT NULL, 
	digest VARCHAR(200) NOT NULL, 
	CONSTRAINT fk_events_finding FOREIGN KEY(finding) REFERENCES findings (number)
);
INSERT INTO "events" VALUES(1,1,'2026-11-23T06:00:00.000000+00:00','finops','','found','Found.','0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "events" VALUES(2,1,'2026-11-23T06:00:00.000000+00:00','finops','found','pending','Asked.','0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "events" VALUES(3,1,'2026-11-23T06:00:00.000000+00:00','Ada','pending','approved','Yes.','0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "events" VALUES(4,2,'2026-11-23T06:00:00.000000+00:00','finops','','found','Found.','0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO "events" VALUES(5,2,'2026-11-23T06:00:00.000000+00:00','finops','found','pending','Asked.','0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO "events" VALUES(6,2,'2026-11-23T06:00:00.000000+00:00','Ada','pending','approved','Yes.','0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO "events" VALUES(7,3,'2026-11-23T06:00:00.000000+00:00','finops','','found','Found.','0000000000000000000000000000000000000000000000000000000000000003');
INSERT INTO "events" VALUES(8,3,'2026-11-23T06:00:00.000000+00:00','finops','found','pending','Asked.','0000000000000000000000000000000000000000000000000000000000000003');
INSERT INTO "events" VALUES(9,3,'2026-11-23T06:00:00.000000+00:00','Ada','pending','approved','Yes.','0000000000000000000000000000000000000000000000000000000000000003');
CREATE TABLE events_seen (
	id VARCHAR(400) NOT NULL, 
	kind VARCHAR(200) NOT NULL, 
	subject TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	seen_at VARCHAR(32) NOT NULL, 
	handled_at VARCHAR(32), 
	CONSTRAINT pk_events_seen PRIMARY KEY (id)
);
INSERT INTO "events_seen" VALUES('e1','Microsoft.Resources.ResourceWriteSuccess','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1','2026-11-23T05:59:00.000000+00:00','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "events_seen" VALUES('e2','Microsoft.Resources.ResourceDeleteSuccess','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/Grüße','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00',NULL);
CREATE TABLE findings (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	rule VARCHAR(200) NOT NULL, 
	resource TEXT NOT NULL, 
	resource_id TEXT NOT NULL, 
	generation TEXT NOT NULL, 
	fingerprint VARCHAR(200) NOT NULL, 
	digest VARCHAR(200) NOT NULL, 
	action VARCHAR(200) NOT NULL, 
	why TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	risk VARCHAR(20) NOT NULL, 
	monthly_cost VARCHAR(60) NOT NULL, 
	saving VARCHAR(60) NOT NULL, 
	amount BIGINT, 
	currency VARCHAR(10) NOT NULL, 
	dependents TEXT NOT NULL, 
	not_checked TEXT NOT NULL, 
	grace_days INTEGER NOT NULL, 
	quiet TEXT NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	alive BOOLEAN NOT NULL, 
	note TEXT NOT NULL, 
	first_at VARCHAR(32) NOT NULL, 
	last_at VARCHAR(32) NOT NULL, 
	changed_at VARCHAR(32) NOT NULL, 
	runs INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	asked_at VARCHAR(32), 
	due_at VARCHAR(32), 
	expires_at VARCHAR(32), 
	approved_until VARCHAR(32), 
	snoozed_until VARCHAR(32), 
	quiet_until VARCHAR(32), 
	restorable_until VARCHAR(32), 
	tombstone TEXT, 
	requester VARCHAR(200) NOT NULL, 
	version INTEGER NOT NULL
);
INSERT INTO "findings" VALUES(1,'silent-endpoint','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e1','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','2026-01-01T00:00:01+00:00','f1','0000000000000000000000000000000000000000000000000000000000000001','delete','Nobody calls it.','{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]}','ada@example.com','low','120.50','118.25',118250000,'USD','[]','["quota"]',3,'null','approved',1,'Yes.','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00',1,0,'2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00',NULL,'2026-11-30T06:00:00.000000+00:00',NULL,NULL,NULL,NULL,'',3);
INSERT INTO "findings" VALUES(2,'silent-endpoint','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e2','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','2026-01-01T00:00:02+00:00','f2','0000000000000000000000000000000000000000000000000000000000000002','delete','Nobody calls it.','{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]}','ada@example.com','low','120.50','118.25',118250000,'USD','[]','["quota"]',3,'null','approved',1,'Yes.','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00',1,0,'2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00',NULL,'2026-11-30T06:00:00.000000+00:00',NULL,NULL,NULL,NULL,'',3);
INSERT INTO "findings" VALUES(3,'silent-endpoint','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e3','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','2026-01-01T00:00:03+00:00','f3','0000000000000000000000000000000000000000000000000000000000000003','delete','Nobody calls it.','{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]}','ada@example.com','low','120.50','118.25',118250000,'USD','[]','["quota"]',3,'null','approved',1,'Yes.','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00',1,0,'2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00',NULL,'2026-11-30T06:00:00.000000+00:00',NULL,NULL,NULL,NULL,'',3);
CREATE TABLE finops_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT finops_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "finops_schema" VALUES('0004');
CREATE TABLE intents (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run VARCHAR(64) NOT NULL, 
	resource_id TEXT NOT NULL, 
	workspace TEXT NOT NULL, 
	generation TEXT, 
	api_version VARCHAR(40) NOT NULL, 
	action VARCHAR(200) NOT NULL, 
	rule VARCHAR(200) NOT NULL, 
	why TEXT NOT NULL, 
	who VARCHAR(200) NOT NULL, 
	decision TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	afterwards TEXT NOT NULL, 
	saving VARCHAR(60) NOT NULL, 
	opened_at VARCHAR(32) NOT NULL, 
	outcome VARCHAR(40), 
	outcome_why TEXT, 
	closed_at VARCHAR(32)
);
INSERT INTO "intents" VALUES(1,'run-1','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w-1','2026-01-01T00:00:01+00:00','2024-10-01','delete','silent-endpoint','unused','finops','approved','{"record":1}','null','118.25','2026-11-23T06:00:00.000000+00:00','done','read back','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "intents" VALUES(2,'run-2','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w-2','2026-01-01T00:00:02+00:00','2024-10-01','delete','silent-endpoint','unused','finops','approved','{"record":2}','null','118.25','2026-11-23T06:00:00.000000+00:00','done','read back','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "intents" VALUES(3,'run-3','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w-3','2026-01-01T00:00:03+00:00','2024-10-01','delete','silent-endpoint','unused','finops','approved','{"record":3}','null','118.25','2026-11-23T06:00:00.000000+00:00','done','read back','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "intents" VALUES(4,'guard-1','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w-c1','g','2024-10-01','tag','cost-center','No CostCenter – Grüße','guard','enforce','{}','{"tags":{"Team":"Gr\u00fc\u00dfe"}}','','2026-11-23T06:00:00.000000+00:00',NULL,NULL,NULL);
CREATE TABLE keepsakes (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	kept_at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_keepsakes PRIMARY KEY ("key")
);
INSERT INTO "keepsakes" VALUES('kept/1','{"body":{"name":"Gr\u00fc\u00dfe 1"}}','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "keepsakes" VALUES('kept/2','{"body":{"name":"Gr\u00fc\u00dfe 2"}}','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "keepsakes" VALUES('kept/3','{"body":{"name":"Gr\u00fc\u00dfe 3"}}','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "keepsakes" VALUES('guard/owed/c1','{"body":{"name":"c1","tags":{"Team":"Gr\u00fc\u00dfe"}}}','2026-11-23T06:00:00.000000+00:00');
CREATE TABLE leases (
	name VARCHAR(100) NOT NULL, 
	owner VARCHAR(200) NOT NULL, 
	fence INTEGER NOT NULL, 
	until VARCHAR(32) NOT NULL, 
	taken_at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (name)
);
INSERT INTO "leases" VALUES('daemon','host process 7 1a2b3c4d',1,'2026-11-23T06:00:40.000000+00:00','2026-11-23T06:00:00.000000+00:00');
CREATE TABLE letters (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	message_id TEXT NOT NULL, 
	kind VARCHAR(100) NOT NULL, 
	subject TEXT NOT NULL, 
	link TEXT NOT NULL, 
	content BLOB NOT NULL, 
	put_at VARCHAR(32) NOT NULL, 
	CONSTRAINT uq_letters_message_id UNIQUE (message_id)
);
INSERT INTO "letters" VALUES(1,'<1@x>','weekly','What it cost','',X'00FF4D61696C','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "letters" VALUES(2,'<2@x>','weekly','What it cost','',X'00FF4D61696C','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "letters" VALUES(3,'<3@x>','weekly','What it cost','',X'00FF4D61696C','2026-11-23T06:00:00.000000+00:00');
CREATE TABLE recipients (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	letter INTEGER NOT NULL, 
	channel VARCHAR(20) NOT NULL, 
	address TEXT NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	tries INTEGER NOT NULL, 
	alone BOOLEAN NOT NULL, 
	due_at VARCHAR(32), 
	ended_at VARCHAR(32), 
	note TEXT NOT NULL, 
	CONSTRAINT fk_recipients_letter FOREIGN KEY(letter) REFERENCES letters (number), 
	CONSTRAINT uq_recipients_letter UNIQUE (letter, channel, address)
);
INSERT INTO "recipients" VALUES(1,1,'mail','a@x','sent',1,0,NULL,'2026-11-23T06:00:00.000000+00:00','');
INSERT INTO "recipients" VALUES(2,2,'mail','a@x','sent',1,0,NULL,'2026-11-23T06:00:00.000000+00:00','');
INSERT INTO "recipients" VALUES(3,3,'mail','a@x','sent',1,0,NULL,'2026-11-23T06:00:00.000000+00:00','');
CREATE TABLE runs (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	job VARCHAR(100) NOT NULL, 
	slot VARCHAR(32) NOT NULL, 
	first_slot VARCHAR(32) NOT NULL, 
	slots INTEGER NOT NULL, 
	asked VARCHAR(20) NOT NULL, 
	run VARCHAR(64) NOT NULL, 
	owner VARCHAR(200) NOT NULL, 
	fence INTEGER NOT NULL, 
	began_at VARCHAR(32) NOT NULL, 
	ended_at VARCHAR(32), 
	outcome VARCHAR(20) NOT NULL, 
	why TEXT NOT NULL, 
	said TEXT NOT NULL, 
	counts TEXT NOT NULL
);
INSERT INTO "runs" VALUES(1,'ingest','2026-11-23T04:30:00.000000+00:00','2026-11-23T04:30:00.000000+00:00',1,'','ingest-1','host process 7 1a2b3c4d',1,'2026-11-23T04:30:00.000000+00:00','2026-11-23T04:40:00.000000+00:00','done','','["Charges until 21 November \u2013 42 rows."]','{"charges":42,"seconds":1.5}');
INSERT INTO "runs" VALUES(2,'guard','2026-11-23T05:45:00.000000+00:00','2026-11-23T05:45:00.000000+00:00',1,'','guard-1','host process 7 1a2b3c4d',1,'2026-11-23T05:45:00.000000+00:00','2026-11-23T05:46:00.000000+00:00','partial','','["1 subscription could not be read."]','{"acts":1}');
INSERT INTO "runs" VALUES(3,'report','2026-11-23T05:15:00.000000+00:00','2026-11-23T05:15:00.000000+00:00',1,'','report-1','host process 7 1a2b3c4d',1,'2026-11-23T05:15:00.000000+00:00','2026-11-23T05:16:00.000000+00:00','held','Charges are not complete.','["Charges are not complete."]','{}');
INSERT INTO "runs" VALUES(4,'watch','2026-11-23T05:45:00.000000+00:00','2026-11-23T05:45:00.000000+00:00',1,'','watch-1','host process 7 1a2b3c4d',1,'2026-11-23T05:45:00.000000+00:00','2026-11-23T05:46:00.000000+00:00','failed','Azure is away.','[]','{}');
INSERT INTO "runs" VALUES(5,'deliver','2026-11-23T05:59:00.000000+00:00','2026-11-23T05:57:00.000000+00:00',3,'','','',0,'2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00','missed','The clock jumped over it, or the machine slept.','[]','{}');
INSERT INTO "runs" VALUES(6,'close','2026-11-06T06:00:00.000000+00:00','2026-11-06T06:00:00.000000+00:00',1,'','','',0,'2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00','skipped','A first start: it begins with its next slot.','[]','{}');
INSERT INTO "runs" VALUES(7,'guard','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00',1,'event','guard-2','host process 7 1a2b3c4d',1,'2026-11-23T06:00:00.000000+00:00',NULL,'','','[]','{}');
CREATE TABLE sightings (
	what VARCHAR(200) NOT NULL, 
	resource TEXT NOT NULL, 
	fingerprint VARCHAR(200) NOT NULL, 
	first_at VARCHAR(32) NOT NULL, 
	last_at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_sightings PRIMARY KEY (what, resource, fingerprint)
);
INSERT INTO "sightings" VALUES('janitor','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e1','','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "sightings" VALUES('janitor','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e2','','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "sightings" VALUES('janitor','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e3','','2026-11-23T06:00:00.000000+00:00','2026-11-23T06:00:00.000000+00:00');
CREATE TABLE tellings (
	"key" TEXT NOT NULL, 
	told_at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_tellings PRIMARY KEY ("key")
);
INSERT INTO "tellings" VALUES('told/1','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "tellings" VALUES('told/2','2026-11-23T06:00:00.000000+00:00');
INSERT INTO "tellings" VALUES('told/3','2026-11-23T06:00:00.000000+00:00');
CREATE TABLE votes (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	finding INTEGER NOT NULL, 
	oid VARCHAR(200) NOT NULL, 
	name TEXT NOT NULL, 
	email TEXT NOT NULL, 
	says VARCHAR(20) NOT NULL, 
	digest VARCHAR(200) NOT NULL, 
	why TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	until VARCHAR(32) NOT NULL, 
	ended TEXT NOT NULL, 
	CONSTRAINT fk_votes_finding FOREIGN KEY(finding) REFERENCES findings (number)
);
INSERT INTO "votes" VALUES(1,1,'oid-1','Ada','ada@example.com','approve','0000000000000000000000000000000000000000000000000000000000000001','unused','2026-11-23T06:00:00.000000+00:00','2026-11-30T06:00:00.000000+00:00','');
INSERT INTO "votes" VALUES(2,2,'oid-2','Ada','ada@example.com','approve','0000000000000000000000000000000000000000000000000000000000000002','unused','2026-11-23T06:00:00.000000+00:00','2026-11-30T06:00:00.000000+00:00','');
INSERT INTO "votes" VALUES(3,3,'oid-3','Ada','ada@example.com','approve','0000000000000000000000000000000000000000000000000000000000000003','unused','2026-11-23T06:00:00.000000+00:00','2026-11-30T06:00:00.000000+00:00','');
CREATE INDEX ix_intents_opened_at ON intents (opened_at);
CREATE UNIQUE INDEX uq_intents_open ON intents (workspace) WHERE outcome IS NULL;
CREATE UNIQUE INDEX uq_findings_alive ON findings (rule, resource) WHERE alive IS 1;
CREATE INDEX ix_findings_resource ON findings (resource);
CREATE INDEX ix_findings_status ON findings (status, amount, currency, risk, rule);
CREATE UNIQUE INDEX uq_votes_standing ON votes (finding, oid, says) WHERE ended = '';
CREATE INDEX ix_events_finding ON events (finding);
CREATE INDEX ix_recipients_status ON recipients (status, due_at);
CREATE INDEX ix_attempts_letter ON attempts (letter);
CREATE UNIQUE INDEX uq_attempts_open ON attempts (letter, channel) WHERE ended_at IS NULL;
CREATE INDEX ix_runs_job ON runs (job, slot);
CREATE INDEX ix_runs_began_at ON runs (began_at);
CREATE UNIQUE INDEX uq_runs_open ON runs (job) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX uq_runs_slot ON runs (job, slot) WHERE outcome IN ('', 'done', 'partial');
CREATE INDEX ix_events_seen_seen_at ON events_seen (seen_at);
CREATE INDEX ix_events_seen_handled_at ON events_seen (handled_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('findings',3);
INSERT INTO "sqlite_sequence" VALUES('events',9);
INSERT INTO "sqlite_sequence" VALUES('votes',3);
INSERT INTO "sqlite_sequence" VALUES('intents',4);
INSERT INTO "sqlite_sequence" VALUES('letters',3);
INSERT INTO "sqlite_sequence" VALUES('recipients',3);
INSERT INTO "sqlite_sequence" VALUES('attempts',3);
INSERT INTO "sqlite_sequence" VALUES('runs',7);
COMMIT;

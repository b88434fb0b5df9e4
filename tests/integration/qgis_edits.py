"""Run by Debian's Python with QGIS, without a screen: open a layer over OGC API Features, change it, save.

Prints one line of JSON. The address, the name and the password come in OGC_URL, OGC_USER and OGC_PASSWORD.
"""

import json
import os

from qgis.core import (  # type: ignore[import-not-found]
    QgsApplication,
    QgsAuthMethodConfig,
    QgsVectorDataProvider,
    QgsVectorLayer,
)

application = QgsApplication([], False)
application.initQgis()
manager = QgsApplication.authManager()
manager.setMasterPassword("kunci-uji", True)
config = QgsAuthMethodConfig("Basic")
config.setName("kutim")
config.setConfig("username", os.environ["OGC_USER"])
config.setConfig("password", os.environ["OGC_PASSWORD"])
manager.storeAuthenticationConfig(config)
source = f"url='{os.environ['OGC_URL']}' typename='faskes' authcfg={config.id()} pagingEnabled='true'"
layer = QgsVectorLayer(source, "faskes", "OAPIF")
told = {"valid": layer.isValid(), "count": 0, "names": [], "edits": False, "committed": False, "errors": []}
if layer.isValid():
    features = {feature["nama"]: feature.id() for feature in layer.getFeatures()}
    told["count"], told["names"] = len(features), sorted(features)
    told["edits"] = bool(layer.dataProvider().capabilities() & QgsVectorDataProvider.ChangeAttributeValues)
    if told["edits"]:
        layer.startEditing()
        which = features["Puskesmas Teluk Lingga"]
        layer.changeAttributeValue(which, layer.fields().indexOf("nama"), "Puskesmas dari QGIS")
        told["committed"] = layer.commitChanges()
        told["errors"] = layer.commitErrors()
else:
    told["errors"] = [layer.error().message()]
print(json.dumps(told), flush=True)
os._exit(0)  # QGIS' own end may crash without a screen
